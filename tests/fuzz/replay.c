/*
 * Runs every file of the folders given as arguments through a fuzz target, so that the seeds are part of every ordinary
 * test run and a crash found by the fuzzer can be looked at with any compiler. Single files work as well.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The copy has exactly the size of the file: a sanitizer then sees the first byte read too many. */
static int replay_file(const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    int rc = -1;

    if (f && fstat(fileno(f), &st) == 0) {
        data = malloc(st.st_size ? (size_t)st.st_size : 1);
        if (data && fread(data, 1, (size_t)st.st_size, f) == (size_t)st.st_size) {
            LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
            rc = 0;
        }
    }
    if (rc < 0)
        perror(path);
    free(data);
    if (f)
        fclose(f);
    return rc;
}

static int replay_folder(const char *folder, size_t *n_files)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];
    int rc = 0;

    if (!dir) {
        perror(folder);
        return -1;
    }
    while (rc == 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        rc = replay_file(path);
        ++*n_files;
    }
    closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    size_t n_files = 0;
    struct stat st;

    for (int i = 1; i < argc; i++) {
        bool folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);

        if (folder ? replay_folder(argv[i], &n_files) : replay_file(argv[i]))
            return 1;
        n_files += !folder;
    }
    printf("%zu files\n", n_files);
    return n_files == 0;
}
