/* SPDX-License-Identifier: Apache-2.0 */
#include "receipt.h"

#include "call.h"

#include "base/size.h"
#include "base/text.h"

#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 600
#define QUIET 4 /* modules around a code (ISO/IEC 18004) */

static void put_text(struct iu_buf *out, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, text, SHOWN_MAX);
    for (size_t i = 0; i < safe.len; i++) {
        char c = (char)safe.data[i];
        const char *entity = c == '<'   ? "&lt;"
                             : c == '>' ? "&gt;"
                             : c == '&' ? "&amp;"
                             : c == '"' ? "&quot;"
                                        : NULL;
        if (entity)
            iu_buf_put_str(out, entity);
        else
            iu_buf_put_u8(out, (uint8_t)c);
    }
    iu_buf_fini(&safe);
}

static struct iu_bytes text_of(const struct iu_answered *entry, const char *name)
{
    const struct iu_cell *cell = answer_cell(entry, name);
    return cell ? cell->text : (struct iu_bytes){0};
}

static void put_line(struct iu_buf *out, const char *heading, struct iu_bytes text)
{
    if (!text.len)
        return;
    iu_buf_printf(out, "<dt>%s</dt><dd><bdi>", heading);
    put_text(out, text);
    iu_buf_put_str(out, "</bdi></dd>\n");
}

/* A square a module would be many: one path, a line a row. */
static void put_qr(struct iu_buf *out, const char *text)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!code)
        return;
    iu_buf_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-label=\"QR code of the "
                  "address\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path "
                  "stroke=\"#000\" d=\"",
                  code->width + 2 * QUIET, code->width + 2 * QUIET, code->width + 2 * QUIET,
                  code->width + 2 * QUIET);
    for (int y = 0; y < code->width; y++)
        for (int x = 0; x < code->width; x++)
            if (code->data[y * code->width + x] & 1)
                iu_buf_printf(out, "M%d %d.5h1", x + QUIET, y + QUIET);
    iu_buf_put_str(out, "\"/></svg>\n");
    QRcode_free(code);
}

void receipt_put(const struct iu_answered *entry, const char *person, struct iu_buf *out)
{
    struct iu_bytes domain = text_of(entry, "by.domain"), id = text_of(entry, "entry");
    const struct iu_cell *size = answer_cell(entry, "file.size");
    struct iu_buf url = IU_BUF_INIT;
    char bytes[IU_SIZE_WORDS];
    iu_size_put(bytes, size ? size->number : 0);
    iu_buf_printf(&url, "https://%.*s/d/%.*s", (int)domain.len, (const char *)domain.data, (int)id.len,
                  (const char *)id.data);
    iu_buf_put_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Receipt: ");
    put_text(out, text_of(entry, "title"));
    iu_buf_put_str(out, "</title>\n<style>body{font:12pt/1.4 sans-serif;max-width:42em;margin:2em "
                        "auto;padding:0 1em}dt{font-weight:bold;"
                        "margin-top:.6em}dd{margin:0;overflow-wrap:anywhere}svg{width:4cm;height:4cm}</"
                        "style></head><body>\n<h1>Receipt"
                        "</h1>\n<p>This document was published and signed. It stays in the public record of "
                        "the city, and everybody "
                        "can check a copy of it.</p>\n<dl>\n");
    put_line(out, "Title", text_of(entry, "title"));
    put_line(out, "City", text_of(entry, "by.name"));
    put_line(out, "Entry", text_of(entry, "name"));
    put_line(out, "Declared date", text_of(entry, "date"));
    put_line(out, "Published by", iu_bytes_str(person));
    put_line(out, "File", text_of(entry, "file.name"));
    put_line(out, "Size", iu_bytes_str(bytes));
    put_line(out, "SHA-256 of the file", text_of(entry, "file.sha256"));
    put_line(out, "Number of the entry", id);
    if (domain.len)
        put_line(out, "Address, where the city shows its record", iu_buf_view(&url));
    iu_buf_put_str(out, "</dl>\n");
    if (domain.len)
        put_qr(out, iu_buf_cstr(&url));
    iu_buf_put_str(out, "</body></html>\n");
    iu_buf_fini(&url);
}
