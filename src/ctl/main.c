#include <locale.h>
#include <signal.h>

#include "ctl/ctl.h"

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_DFL);
    return ctl_main(argc, argv, stdin, stdout, stderr);
}
