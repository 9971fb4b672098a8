#include "plugin/elf_symbols.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

#define MAX_FILE_BYTES ((size_t)512 << 20)

struct image {
    const char *data;
    size_t n;
};

/* The bytes from..from+n of the file, or NULL when it is shorter. */
static const void *part(const struct image *image, uint64_t from, uint64_t n)
{
    return from <= image->n && n <= image->n - from ? image->data + from : NULL;
}

static int fail(struct hg_error *err, const char *what)
{
    return hg_error_set(err, HG_EDATA, "%s", what);
}

static bool header_is_good(const Elf64_Ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_type == ET_DYN &&
           header->e_shentsize == sizeof(Elf64_Shdr);
}

static bool is_exported(const Elf64_Sym *symbol)
{
    int binding = ELF64_ST_BIND(symbol->st_info);
    int visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    return symbol->st_shndx != SHN_UNDEF && (binding == STB_GLOBAL || binding == STB_WEAK) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static int read_symbols(const struct image *image,
                        const Elf64_Shdr *symbols,
                        const Elf64_Shdr *strings,
                        void (*each)(void *arg, const char *name),
                        void *arg,
                        struct hg_error *err)
{
    const char *table = part(image, symbols->sh_offset, symbols->sh_size);
    const char *names = part(image, strings->sh_offset, strings->sh_size);
    if (!table || !names || strings->sh_size == 0 || names[strings->sh_size - 1] != '\0') {
        return fail(err, "the file is cut short");
    }
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols->sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, table + at, sizeof symbol);
        if (symbol.st_name >= strings->sh_size) {
            return fail(err, "a symbol's name lies outside of the file");
        }
        if (is_exported(&symbol)) {
            each(arg, names + symbol.st_name);
        }
    }
    return HG_OK;
}

static int read_image(const struct image *image,
                      void (*each)(void *arg, const char *name),
                      void *arg,
                      struct hg_error *err)
{
    Elf64_Ehdr header;
    if (image->n < sizeof header) {
        return fail(err, "the file is no ELF shared object");
    }
    memcpy(&header, image->data, sizeof header);
    if (!header_is_good(&header)) {
        return fail(err, "the file is no 64-bit ELF shared object");
    }
    const char *sections =
        part(image, header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr));
    if (!sections) {
        return fail(err, "the file is cut short");
    }
    for (unsigned i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr symbols, strings;
        memcpy(&symbols, sections + i * sizeof symbols, sizeof symbols);
        if (symbols.sh_type != SHT_DYNSYM) {
            continue;
        }
        if (symbols.sh_link >= header.e_shnum) {
            return fail(err, "the file's symbols have no names");
        }
        memcpy(&strings, sections + symbols.sh_link * sizeof strings, sizeof strings);
        return read_symbols(image, &symbols, &strings, each, arg, err);
    }
    return fail(err, "the file has no dynamic symbols");
}

int hg_elf_exports(const char *file,
                   void (*each)(void *arg, const char *name),
                   void *arg,
                   struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *data = NULL;
    size_t n;
    int r = hg_read_file(file, MAX_FILE_BYTES, &data, &n, err);
    if (r) {
        return r;
    }
    const struct image image = {data, n};
    return read_image(&image, each, arg, err);
}
