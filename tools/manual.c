/*
 * Writes stox.conf(5) from the setting tables, so that the manual cannot say other than the program does. Its examples are
 * read by the program's own readers before they are printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/config.h"
#include "store/config_text.h"

static const char boot_example[] = "state-dir = \"/var/lib/stox\"\n"
                                   "host-name = \"gw.contoso.example\"\n"
                                   "listen-sip-udp = {\"192.0.2.1\"}\n"
                                   "listen-sip-tcp = {\"192.0.2.1\"}\n"
                                   "listen-xmpp = {\"0.0.0.0\", \"::\"}\n"
                                   "listen-xmpps = {\"0.0.0.0\", \"::\"}\n"
                                   "listen-admin = {\"127.0.0.1\"}\n";

static const char blocks_example[] = "org {\n"
                                     "    federation = yes\n"
                                     "}\n"
                                     "route \"office\" {\n"
                                     "    next-hop = \"192.0.2.10\"\n"
                                     "    transport = tcp\n"
                                     "}\n"
                                     "sip-domain \"contoso.example\" {\n"
                                     "    route = \"office\"\n"
                                     "    certificate = \"/etc/stox/contoso.example.pem\"\n"
                                     "    key = \"/etc/stox/contoso.example.key\"\n"
                                     "}\n"
                                     "partner \"fabrikam.example\" {\n"
                                     "    additional-domains = {\"chat.fabrikam.example\"}\n"
                                     "    type = federated\n"
                                     "}\n"
                                     "policy \"site:berlin\" {\n"
                                     "    federation = yes\n"
                                     "    xmpp = yes\n"
                                     "}\n"
                                     "site \"berlin\" {\n"
                                     "    users = {\"*@contoso.example\"}\n"
                                     "}\n"
                                     "sip-user \"alice@contoso.example\" {\n"
                                     "    served = no\n"
                                     "}\n";

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "manual: the example of the %s: %s\n", what, err->text);
    exit(1);
}

static void check_boot_example(void)
{
    int fd = memfd_create("example", 0);
    struct err err = { "it cannot be written" };
    struct arena arena;
    struct boot boot;
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    arena_init(&arena, 1u << 20);
    if (fd < 0 || write(fd, boot_example, sizeof(boot_example) - 1) < 0 || boot_read(path, &boot, &arena, &err))
        die("bootstrap file", &err);
    arena_reset(&arena);
    close(fd);
}

static void check_blocks_example(void)
{
    struct err err = { "" };
    struct config_text *t = config_text_read(NULL, blocks_example, &err);
    struct config *c = config_new(), *next = NULL;

    if (!t || !c)
        die("blocks", &err);
    for (size_t i = 0; i < t->n; i++) {
        const struct config_block *b = &t->blocks[i];
        struct record *r = record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, &err);
        struct config_step step = { b->kind, r ? r->name : b->name, r };

        if (!r || config_judge(r, true, NULL, &err) || !(next = config_next(c, &step, 1, i + 1)))
            die("blocks", &err);
        config_drop(c);
        record_drop(r);
        c = next;
    }
    if (config_check(c, &err))
        die("blocks", &err);
    config_drop(c);
    config_text_free(t);
}

/* As roff text: a hyphen that can be copied, and nothing that is taken for a request. */
static void put(const char *text)
{
    bool begin = true;

    for (; *text; text++) {
        if (begin && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        begin = *text == '\n';
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

static void print_setting(const struct setting *s)
{
    struct buf words;

    buf_init(&words, 1000);
    setting_describe(&words, s);
    buf_char(&words, '\0');
    fputs(".TP\n.B ", stdout);
    put(s->name);
    putchar('\n');
    put(buf_ok(&words) ? words.p : "");
    buf_free(&words);
    if (s->secret)
        printf("; secret: never shown or exported");
    else if (s->def && s->def[0])
        printf("; default "), put(s->def);
    else if (!s->def && !setting_is_list(s))
        printf("; must be given");
    puts(".");
    put(s->brief);
    fputs(". ", stdout);
    put(s->help);
    putchar('\n');
    if (s->lync)
        printf("Lync Server called it %s.\n", s->lync);
}

static void print_kind(const struct setting_kind *kind)
{
    fputs(".SS ", stdout);
    put(kind->name);
    if (kind->title)
        printf(" \\(dq%s\\(dq", kind->title_type == SETTING_USER ? "user@domain" : kind->title);
    fputs(" { }\n", stdout);
    put(kind->brief);
    puts(".");
    if (kind->always && kind->always[0])
        printf("One named %s is always there; when it is removed it gets its defaults.\n", kind->always);
    else if (kind->always)
        puts("There is always one.");
    else
        printf("At most %zu.\n", kind->max_objects);
    for (size_t i = 0; i < kind->n; i++)
        print_setting(&kind->settings[i]);
}

static void print_example(const char *example)
{
    puts(".PP\n.nf");
    put(example);
    puts(".fi");
}

static void print_syntax(void)
{
    puts(
        ".SH SYNTAX\n"
        "A setting is \"name = value\"; a list is {a, b}, an empty one {}. Text with other characters than letters, "
        "digits,\n"
        "dots and hyphens stands in double quotes; there a backslash takes the meaning from a quote, a backslash or a\n"
        "dollar sign, and ${NAME} is what the environment of the reading program has under that name. Text in single "
        "quotes\n"
        "stands as it is. # and // begin a comment, /* and */ enclose one. A list that is given with += is added to; "
        "of a\n"
        "setting that is given twice the last one counts. Values of the kind \"yes or no\" may also be true, on, false "
        "and\n"
        "off. Domains may be written with their A\\-labels or not; one whose labels mix scripts that look alike is "
        "refused.");
}

int main(void)
{
    check_boot_example();
    check_blocks_example();
    puts(
        ".TH STOX.CONF 5 \"\" \"Stox " STOX_VERSION "\" \"Stox\"\n.SH NAME\n"
        "stox.conf \\- what stoxd(8) must know to start, and its settings as text\n.SH DESCRIPTION\n"
        "The bootstrap file holds what must be known before anything opens. It is read once, when stoxd starts; stoxd\n"
        "\\-\\-check reads it and says whether it is good. All other settings are in the store: stoxctl(8) and the "
        "HTTP API\n"
        "change them while stoxd runs.\n.PP\n"
        "stoxctl config export writes them as blocks of the same syntax, and stoxctl config apply reads such blocks. "
        "They are\n"
        "described here too, because one table makes them, the API and the command line; blocks in the bootstrap file "
        "are\n"
        "refused. Blocks may come in any order, each object once. Secrets are left out of an export and stay as they "
        "are\n"
        "when they are not given.");
    print_syntax();
    puts(".SH BOOTSTRAP FILE");
    for (size_t i = 0; i < boot_kind.n; i++)
        print_setting(&boot_kind.settings[i]);
    puts(".SH BLOCKS");
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        if (!model_kinds[i]->internal)
            print_kind(model_kinds[i]);
    puts(".SH EXAMPLE\nA bootstrap file:");
    print_example(boot_example);
    puts(".PP\nSettings, as exported. The users of one site may talk to partners, all others may not:");
    print_example(blocks_example);
    puts(".SH SEE ALSO\nstoxd(8), stoxctl(8)");
    return ferror(stdout) ? 1 : 0;
}
