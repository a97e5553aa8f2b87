/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "call.h"

#include <string.h>

#define END                                                                                                  \
    {                                                                                                        \
        NULL, FLAG_SWITCH, NULL, NULL, false, false                                                          \
    }
#define COLUMNS_END                                                                                          \
    {                                                                                                        \
        NULL, NULL                                                                                           \
    }

const struct flag global_flags[] = {
    {"home", FLAG_FILE, "DIR", "everything of the node lies below DIR", false, false},
    {"socket", FLAG_FILE, "PATH", "the node's control socket", false, false},
    {"json", FLAG_SWITCH, NULL, "answer in JSON, one object (streams: one a line)", false, false},
    {"timeout", FLAG_NUMBER, "SECONDS", "how long to wait for an answer (10)", false, true},
    {"quiet", FLAG_SWITCH, NULL, "no progress and no advice on stderr", false, false},
    {"help", FLAG_SWITCH, NULL, "help for this verb", false, false},
    {"version", FLAG_SWITCH, NULL, "the version", false, false},
    END,
};

static const struct flag no_flags[] = {END};
static const struct flag init_flags[] = {
    {"name", FLAG_TEXT, "NAME", "the city's name", false, false},
    {"handle", FLAG_TEXT, "HANDLE", "a short label: lyon", false, false},
    {"domain", FLAG_TEXT, "DOMAIN", "the city's public domain: lyon.example", false, false},
    {"contact", FLAG_TEXT, "ADDRESS", "a role's address: it@lyon.example", false, false},
    {"class", FLAG_TEXT, "CLASS", "city, region, association, national or observer (city)", false, false},
    {"listen", FLAG_TEXT, "HOST:PORT", "where peers connect (0.0.0.0:7466)", false, false},
    {"address", FLAG_TEXT, "HOST:PORT", "where peers may dial, if not the same", true, false},
    {"language", FLAG_TEXT, "TAG", "a language of the city", true, false},
    {"dial", FLAG_TEXT, "MODE", "all, invited or none (all)", false, false},
    {"passphrase-file", FLAG_FILE, "FILE", "the root key's passphrase, the file's first line", false, false},
    {"yes", FLAG_SWITCH, NULL, "ask nothing; without --passphrase-file a random one is made and shown once",
     false, false},
    END,
};
static const struct flag invite_flags[] = {
    {"to", FLAG_TEXT, "NAME", "for whom, a note for this node's administrator", false, true},
    {"expires", FLAG_TEXT, "TIME", "how long it holds: 90m, 12h, 7d (7d)", false, false},
    {"address", FLAG_TEXT, "HOST:PORT", "where the other city will dial", false, true},
    {"qr", FLAG_SWITCH, NULL, "show it as a QR code too", false, false},
    {"list", FLAG_SWITCH, NULL, "list invites", false, true},
    {"revoke", FLAG_TEXT, "NAME", "revoke open invites made for NAME, or the one whose ID --list shows",
     false, true},
    END,
};
static const struct flag follow_flags[] = {
    {"headers", FLAG_SWITCH, NULL, "keep headers only, no bodies", false, true},
    {"quota", FLAG_TEXT, "SIZE",
     "keep at most so much of it: 20G; 0: no bound; default: as configured. What is held stays", false, true},
    END,
};
static const struct flag status_flags[] = {
    {"wait", FLAG_NUMBER, "SECONDS", "wait until the node is ready: it answers, and its record can be read",
     false, false},
    {"check", FLAG_SWITCH, NULL, "exit 7 unless it can accept, sign, store and serve", false, false},
    END,
};
static const struct flag head_flags[] = {
    {"log", FLAG_NUMBER, "N", "this log (the newest)", false, true},
    {"note", FLAG_SWITCH, NULL, "print the checkpoint as signed", false, false},
    END,
};
static const struct flag list_flags[] = {
    {"type", FLAG_TEXT, "TYPE", "only documents of this type", false, true},
    {"tag", FLAG_TEXT, "TAG", "only those with this tag", false, true},
    {"lang", FLAG_TEXT, "TAG", "only those in this language", false, true},
    {"limit", FLAG_NUMBER, "N", "at most N (50)", false, true},
    END,
};
static const struct flag show_flags[] = {
    {"text", FLAG_SWITCH, NULL, "with the text itself", false, true},
    END,
};
static const struct flag publish_flags[] = {
    {"title", FLAG_TEXT, "TITLE", "the document's title", false, true},
    {"type", FLAG_TEXT, "TYPE", "policy, practice, agreement, dataset, statement, alert, report or other",
     false, true},
    {"lang", FLAG_TEXT, "TAG", "its language: fr", false, true},
    {"tag", FLAG_TEXT, "TAG", "a topic", true, true},
    {"date", FLAG_TEXT, "YYYY-MM-DD", "the declared date (now)", false, true},
    {"licence", FLAG_TEXT, "SPDX", "the licence", false, true},
    {"summary", FLAG_TEXT, "TEXT", "a few sentences", false, true},
    {"audience", FLAG_TEXT, "CITY", "only this city gets the content; the header is public", true, true},
    {"draft", FLAG_SWITCH, NULL, "keep it in this node until somebody approves it; nothing is published yet",
     false, true},
    {"attach", FLAG_FILE, "FILE", "another file beside it", true, false},
    {"media", FLAG_TEXT, "TYPE", "the file's media type (by its name)", false, false},
    {"translation-of", FLAG_TEXT, "ENTRY", "the document that this one translates", false, true},
    {"supersedes", FLAG_TEXT, "ENTRY", "the document that this one replaces", true, true},
    {"adapted-from", FLAG_TEXT, "ENTRY", "the document that this one learned from", true, true},
    END,
};
static const struct flag redact_flags[] = {
    {"ground", FLAG_TEXT, "WORD", "personal-data, court-order, rights, security, mistake or other", false,
     true},
    {"yes", FLAG_SWITCH, NULL, "yes: it cannot be taken back", false, true},
    END,
};
static const struct flag export_flags[] = {
    {"out", FLAG_FILE, "DIR", "where to write (.)", false, false},
    {"fault", FLAG_SWITCH, NULL, "the proof of a fork of CITY instead of a document", false, false},
    {"force", FLAG_SWITCH, NULL, "overwrite files", false, false},
    END,
};
static const struct flag verify_flags[] = {
    {"city", FLAG_TEXT, "ID", "refuse another city's record", false, false},
    {"serial", FLAG_NUMBER, "N", "refuse a chain that ends before delegation N (key vkey CITY shows N)",
     false, false},
    {"fault", FLAG_SWITCH, NULL, "FILE is the proof of a fork, FILE.chain beside it", false, false},
    END,
};
static const struct flag backup_flags[] = {
    {"all", FLAG_SWITCH, NULL, "also what is held of other cities", false, false},
    {"force", FLAG_SWITCH, NULL, "overwrite FILE", false, false},
    END,
};
static const struct flag upgrade_flags[] = {
    {"dry-run", FLAG_SWITCH, NULL,
     "say what the next start would do, and change nothing; also beside a running node", false, false},
    END,
};
static const struct flag key_flags[] = {
    {"root-key", FLAG_FILE, "FILE", "root.key from its safe place; next.key where root.key is lost", false,
     false},
    {"passphrase-file", FLAG_FILE, "FILE", "its passphrase, the file's first line", false, false},
    {"new-passphrase-file", FLAG_FILE, "FILE", "passphrase: the new one", false, false},
    {"good", FLAG_NUMBER, "N", "the log ends after N good entries, and the record goes on in the next log",
     false, false},
    {"out", FLAG_FILE, "FILE", "sign: where the chain goes (FILE.chain)", false, false},
    END,
};
static const struct flag feed_flags[] = {
    {"from", FLAG_NUMBER, "POSITION", "from this position on (0)", false, true},
    {"limit", FLAG_NUMBER, "N", "N entries at most, then end (all)", false, true},
    {"follow", FLAG_SWITCH, NULL, "go on as new entries come", false, false},
    END,
};
static const struct flag check_flags[] = {
    {"city", FLAG_TEXT, "CITY", "only this city's logs", false, true},
    {"deep", FLAG_SWITCH, NULL, "also every byte of every attachment", false, true},
    END,
};
static const struct flag config_flags[] = {
    {"check", FLAG_SWITCH, NULL, "read the file again and say what is wrong; needs no running node", false,
     true},
    END,
};
static const struct flag acts_flags[] = {
    {"limit", FLAG_NUMBER, "N", "the last N (50)", false, true},
    END,
};
static const struct flag drafts_flags[] = {
    {"out", FLAG_FILE, "FILE", "write the draft's file to FILE, to be read before it is approved", false,
     false},
    END,
};
static const struct flag reject_flags[] = {
    {"why", FLAG_TEXT, "TEXT", "the reason, for who wrote the draft", false, true},
    END,
};
static const struct flag outbox_flags[] = {
    {"settle", FLAG_NUMBER, "SECONDS", "a file that did not change for so long is whole (5)", false, false},
    END,
};
static const struct flag completion_flags[] = {END};

static const struct column peer_columns[] = {
    {"CITY", "name"},
    {"HANDLE", "handle"},
    {"STATE", "state"},
    {"ENTRIES", "entries"},
    {"MISSING", "missing"},
    {"WHY", "reason.code"},
    {"SINCE", "since"},
    {"PATHS", "paths"},
    {"FOLLOWED BECAUSE", "because"},
    COLUMNS_END,
};
static const struct column entry_columns[] = {
    {"ENTRY", "name"},
    {"DATE", "date"},
    {"TYPE", "type"},
    {"LANG", "lang"},
    {"TITLE", "title"},
    {"FORM", "form"},
    {"REPLACED BY", "superseded_by"},
    COLUMNS_END,
};
static const struct column head_columns[] = {
    {"CITY", "handle"}, {"LOG", "log"},       {"SIZE", "size"}, {"HELD", "held"},
    {"ROOT", "root"},   {"FORKED", "forked"}, COLUMNS_END,
};
static const struct column doctor_columns[] = {
    {"CHECK", "check"}, {"OK", "ok"}, {"WHAT", "words"}, {"NEXT", "next"}, COLUMNS_END,
};
static const struct column check_columns[] = {
    {"CITY", "handle"}, {"LOG", "log"}, {"ENTRIES", "entries"}, {"OK", "ok"}, {"WHAT", "words"}, COLUMNS_END,
};
static const struct column config_columns[] = {
    {"KEY", "key"}, {"VALUE", "value"}, {"DEFAULT", "standard"}, {"CHANGE", "change"}, COLUMNS_END,
};
static const struct column draft_columns[] = {
    {"DRAFT", "draft"}, {"STATE", "state"}, {"TITLE", "title"}, {"TYPE", "type"}, {"LANG", "lang"},
    {"FILE", "name"},   {"BY", "who"},      {"MADE", "made"},   {"WHY", "why"},   COLUMNS_END,
};
static const struct column block_columns[] = {
    {"CITY", "name"},
    {"HANDLE", "handle"},
    {"SINCE", "since"},
    COLUMNS_END,
};

const struct command commands[] = {
    {"init", "", "found a city in this home",
     "Makes the root key (encrypted; move it away from this machine), the node key, the first delegation, "
     "the charter and the "
     "configuration. Writes nothing unless all of it can be written.",
     "interurban --home lyon init --name Lyon --handle lyon --domain lyon.example --contact it@lyon.example "
     "--yes",
     init_flags, run_init, NULL, NULL, ""},
    {"invite", "", "invite another city: both will follow each other",
     "The line that it prints is for one city, once.", "interurban invite --to Porto", invite_flags,
     run_invite, NULL, NULL, ""},
    {"join", "INVITE", "use an invite of another city", "", "interurban join IU1:…", no_flags, run_join, NULL,
     NULL, "5 refused, 6 another city answers, 8 timed out"},
    {"follow", "CITY", "keep a copy of a city's record",
     "CITY may be a city1… id that was never met: any peer may bring its record.", "interurban follow lyon",
     follow_flags, run_city, NULL, NULL, "4 unknown city"},
    {"unfollow", "CITY", "no longer fetch a city's record", "What is held stays.", "interurban unfollow lyon",
     no_flags, run_city, NULL, NULL, "4 unknown city"},
    {"block", "[CITY]", "refuse a city, whoever recommends it; without CITY: list blocks", "",
     "interurban block lyon~q0x7", no_flags, run_city, "blocks", block_columns, "4 unknown city"},
    {"unblock", "CITY", "take back a block", "", "interurban unblock lyon", no_flags, run_city, NULL, NULL,
     "4 unknown city"},
    {"status", "", "how this node stands", "", "interurban status --wait 10", status_flags, run_status, NULL,
     NULL, "7 unhealthy (with --check), 8 not ready in time (with --wait)"},
    {"peers", "[CITY]", "the state of each followed city", "", "interurban peers", no_flags, run_plain,
     "peers", peer_columns, ""},
    {"why", "CITY", "why a city is in the state it is, and what to do", "", "interurban why porto", no_flags,
     run_plain, NULL, NULL, "4 unknown city, 6 forked"},
    {"log", "[CITY]", "entries of all kinds, the last that came first", "", "interurban log lyon", list_flags,
     run_plain, "entries", entry_columns, "4 unknown city"},
    {"head", "[CITY]", "a log's newest head", "", "interurban head lyon --note", head_flags, run_head, NULL,
     NULL, "4 unknown city"},
    {"heads", "", "the newest head of every log held", "", "interurban heads --json", no_flags, run_plain,
     "heads", head_columns, ""},
    {"publish", "FILE", "publish a document",
     "Answers when it is durable, signed, and offered to a connected peer.",
     "interurban publish pact.pdf --title \"Housing pact\" --type policy --lang fr --tag housing",
     publish_flags, run_publish, NULL, NULL, "9 needs a person (this node may not sign)"},
    {"redact", "ENTRY", "take back what a document of this city says, here and at every city that holds it",
     "Title, content and attachments go; the header stays as a numbered gap, with the ground. Who fetched it "
     "before may "
     "still have a copy.",
     "interurban redact lyon/12 --ground personal-data --yes", redact_flags, run_plain, NULL, NULL,
     "5 not this city's, 9 needs a person (this node may not sign)"},
    {"show", "ENTRY", "one entry",
     "ENTRY is lyon/12, lyon/2:17 (log 2), or entry1… or its beginning. A number without a log is of the "
     "city's newest log; after the city began log 2, entry 12 of its first one is lyon/1:12.",
     "interurban show lyon/12", show_flags, run_plain, NULL, NULL, "4 unknown entry"},
    {"list", "[CITY]", "documents, the last that came first", "", "interurban list --type policy --lang fr",
     list_flags, run_plain, "entries", entry_columns, "4 unknown city"},
    {"export", "ENTRY", "write a document and its proof to files",
     "Writes NAME, NAME.tlog-proof, NAME.opening and NAME.chain; `interurban verify NAME` checks them "
     "without a node.",
     "interurban export lyon/12 --out copies", export_flags, run_export, NULL, NULL, "4 unknown entry"},
    {"verify", "FILE", "check an exported document; needs no node",
     "Reads FILE.tlog-proof, FILE.opening and FILE.chain beside FILE, and checks every attachment that the "
     "document names and that lies there too. An entry without a file, as a charter, is checked by the name "
     "its proof was exported under: verify entry. What it cannot know: whether a later "
     "version exists, and whether FILE.chain is cut behind the key that signed; where you know how many "
     "delegations there are, --serial refuses a shorter chain.",
     "interurban verify copies/pact.pdf --city city1…", verify_flags, run_verify, NULL, NULL,
     "6 verification failed"},
    {"feed", "", "everything this node stored, numbered, one object a line", "",
     "interurban feed --follow --from 0", feed_flags, run_feed, NULL, NULL, ""},
    {"check", "", "recompute every log from its entries", "", "interurban check --deep", check_flags,
     run_check, "logs", check_columns, "6 the store contradicts itself"},
    {"backup", "FILE", "own record, keys and settings of a running node in one file",
     "Checked while it is written; FILE appears when it is whole. It holds node.key, and the root keys if "
     "they "
     "still lie in the home: keep it where keys may lie.",
     "interurban backup /mnt/safe/lyon-monday.backup", backup_flags, run_backup, NULL, NULL,
     "6 what the node holds does not verify"},
    {"restore", "FILE", "make a home from a backup; needs no node",
     "FILE is checked whole before anything is written, and every entry as if a peer had sent it. The node "
     "then "
     "asks the peers that held its record last, and takes back what is newer there before it signs.",
     "interurban --home /var/lib/interurban restore lyon-monday.backup", no_flags, run_restore, NULL, NULL,
     "6 the file is not whole"},
    {"upgrade", "", "how far the store's upgrade is, until it is done",
     "A start upgrades the store of an older release by itself; this waits for it. With --dry-run, or where "
     "no "
     "node runs (exit 3 if there is something to do): from which format to which, entries, time and room.",
     "interurban upgrade --dry-run", upgrade_flags, run_upgrade, NULL, NULL,
     "1 no room for it, or the store of a newer release"},
    {"config", "[WHAT]", "the configuration in force; reload: read the files again",
     "reload applies what can change while the node runs, and says what needs a restart; with an error in a "
     "file the node goes on as it is.",
     "interurban config reload", config_flags, run_config, "config", config_columns,
     "2 the configuration has an error, 3 no node runs that could reload"},
    {"doctor", "", "look for what is wrong, and say what to do",
     "A connected peer dials back, all of them say what time it is, and the node looks who answers at its own "
     "addresses. Where no node runs: files, modes, owners, configuration, disk, ports, names, key, backup, clock.",
     "interurban doctor", no_flags, run_doctor, "checks", doctor_columns, "7 something is wrong"},
    {"key", "WHAT [CITY]", "keys: show, vkey, claim, pin, rotate, prepare, sign, install, passphrase",
     "show: this node's keys. vkey CITY: the C2SP verifier key of a city's log. claim: this copy of the city "
     "is the right one. pin CITY FILE: these delegations stand. rotate: a new node key, delegated by the "
     "root key; "
     "where the root key is kept at another machine: prepare FILE here, sign FILE there, install FILE.chain "
     "here. "
     "passphrase: the root key under another one. rotate and prepare ask the running node; restart it after "
     "rotate and install.",
     "interurban key rotate --root-key /media/safe/root.key", key_flags, run_key, NULL, NULL,
     "4 unknown city"},
    {"metrics", "", "metrics in Prometheus' text format", "", "interurban metrics", no_flags, run_metrics,
     NULL, NULL, ""},
    {"acts", "", "who did what by way of this node, the last act last",
     "Every publish, follow, unfollow, block, unblock, invite, join and use of a key, also a refused one, "
     "leaves a line "
     "in the file `acts` of the home, with the person's name, before it is answered.",
     "interurban acts --limit 20", acts_flags, run_acts, NULL, NULL, ""},
    {"drafts", "[DRAFT]", "documents that wait for somebody's word; with DRAFT: that one",
     "A draft is kept in this node's home, and is no part of the record.",
     "interurban drafts 3 --out read.pdf", drafts_flags, run_drafts, "drafts", draft_columns,
     "4 unknown draft"},
    {"approve", "DRAFT", "publish a draft",
     "Where the configuration says `approval = two-persons`, by another person than who wrote it.",
     "interurban approve 3", no_flags, run_approve, NULL, NULL,
     "4 unknown draft, 5 the same person, 9 needs a person"},
    {"reject", "DRAFT", "say no to a draft", "The reason stays for 30 days; the draft's file is gone.",
     "interurban reject 3 --why \"The annex is missing.\"", reject_flags, run_approve, NULL, NULL,
     "4 unknown draft"},
    {"outbox", "", "publish what is put into the drop folder, until stopped",
     "The folder is the configuration's `outbox`. NAME is published once, with what NAME.conf beside it "
     "says, and goes to published/ with "
     "its proof and a receipt; what cannot be published goes to rejected/ with the reason in NAME.txt. Runs "
     "as the node's own user.",
     "interurban outbox", outbox_flags, run_outbox, NULL, NULL, ""},
    {"completion", "SHELL", "completions for bash or zsh, or the man page (man)", "",
     "interurban completion bash", completion_flags, run_completion, NULL, NULL, ""},
};
const size_t command_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

const char *command_words(const char *name)
{
    return !strcmp(name, "key")          ? "show vkey claim pin rotate prepare sign install passphrase"
           : !strcmp(name, "completion") ? "bash zsh man"
           : !strcmp(name, "--type")     ? "policy practice agreement dataset statement alert report other"
                                         : "";
}

/* Edit distance of short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[40], len = strlen(b);
    if (len >= sizeof row / sizeof *row)
        return SIZE_MAX;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t here = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < here)
                here = row[j] + 1;
            if (row[j - 1] + 1 < here)
                here = row[j - 1] + 1;
            row[j] = here;
        }
    }
    return row[len];
}

const char *command_near(const char *name)
{
    const char *best = NULL;
    size_t least = 3;
    for (size_t i = 0; i < command_count; i++) {
        size_t d = distance(name, commands[i].name);
        if (d < least && 2 * d <= strlen(name)) {
            least = d;
            best = commands[i].name;
        }
    }
    return best;
}
