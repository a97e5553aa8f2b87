/* SPDX-License-Identifier: Apache-2.0 */
/* Every constant bound on what a peer can send or this node will hold. Bytes unless the name says otherwise. */
#ifndef IU_BASE_LIMITS_H
#define IU_BASE_LIMITS_H

/* Entries (PROTOCOL.md "Entry") */
#define IU_HEADER_MAX (60 * 1024)
#define IU_BODY_MAX (60 * 1024)
#define IU_INLINE_MAX (48 * 1024) /* content larger than this is an attachment */
#define IU_SALT_LEN 32
#define IU_CHUNK_LEN (64 * 1024)
#define IU_ATTACHMENT_MAX (1024ULL * 1024 * 1024)
#define IU_ATTACHMENTS_MAX 64
#define IU_TAGS_MAX 32
#define IU_TAG_LEN_MAX 64
#define IU_REFS_MAX 256
#define IU_EXT_MAX 32
#define IU_TITLE_MAX 500
#define IU_NAME_MAX 255     /* file, city and media type names, labels, licences */
#define IU_LANG_MAX 35      /* BCP 47, RFC 5646 §4.4.1 */
#define IU_AUDIENCE_MAX 256 /* cities named one by one */
#define IU_HANDLE_MAX 32
#define IU_DOMAIN_MAX 253
#define IU_CODES_MAX 32
#define IU_LANGUAGES_MAX 32
#define IU_RECIPIENT_MAX 4096 /* an age recipient; post-quantum ones have about 2,000 characters */

/* Notes and chains */
#define IU_NOTE_MAX (16 * 1024)
#define IU_DELEGATION_MAX 2048
#define IU_CHAIN_MAX 64 /* delegations */
#define IU_CHAIN_BYTES_MAX (128 * 1024)
#define IU_CHAIN_PART_MAX (12 * 1024) /* notes in one Chain message */
#define IU_LOGS_MAX 16 /* `log` lines in one delegation */

/* Batches */
#define IU_BATCH_ENTRIES_MAX 4096
#define IU_BATCH_BYTES_MAX (1024 * 1024)
#define IU_RIGHT_MAX 124 /* hashes */
#define IU_PROOF_MAX 128 /* hashes in one inclusion or consistency proof */
#define IU_FAULT_MAX (16 * 1024)
#define IU_SIZE_MAX INT64_MAX /* entries in a log; decimals on the wire end at 2^63 - 1 */

/* Sessions */
#define IU_FRAGMENT_MAX (64 * 1024)
#define IU_MESSAGE_EARLY_MAX (16 * 1024)               /* until the session has a city */
#define IU_MESSAGE_MAX (1024 * 1024 + 128 * 1024)
#define IU_REASSEMBLY_POOL (64 * 1024 * 1024)          /* over all sessions */
#define IU_OUTPUT_MAX (8 * 1024 * 1024)                /* of memory for what is queued for one peer */
#define IU_CITY_SESSIONS_MAX 4                         /* of one city at once */
#define IU_WINDOW_MIN (256 * 1024)
#define IU_WINDOW_MAX (8 * 1024 * 1024)
#define IU_INTEREST_MAX 256                            /* single cities in one Interest */
#define IU_DELTA_MAX 1024                              /* heads in one Delta or Heads */
#define IU_WANTS_MAX 1024                              /* Want and WantChunks of one peer that wait for answers */
#define IU_ABSENT_MAX 64                               /* absent ranges in one Batch */
#define IU_CHUNKS_BYTES_MAX (1024 * 1024)              /* data in one Chunks */
#define IU_REASON_MAX 255                              /* words in Bye and Error */
#define IU_AGENT_MAX 100                               /* software and version in State */
#define IU_INVITES_OPEN_MAX 256
#define IU_ADDRESS_MAX 255
#define IU_ADDRESSES_MAX 8
#define IU_HEADS_ABOVE_MAX 8
#define IU_FENCE_PEERS_MAX 16
#define IU_AUDIT_PARTS_MAX 16                          /* parts of one range, ranges in one answer */
#define IU_AUDIT_PRINT_LEN 16                          /* bytes, of a part */
#define IU_AUDIT_TAG_LEN 8                             /* bytes, of one log */
#define IU_AUDIT_LIST_MAX 32                           /* tags of one range */
#define IU_AUDIT_ITEMS_MAX 64                          /* heads in one answer */
#define IU_AUDIT_BOUNDS_MAX (17 * 37)                  /* bytes of all bounds of one range */

/* Strangers: inbound connections that are not yet a session */
#define IU_SILENT_MAX 2048          /* that have not shown a whole ClientHello */
#define IU_UNFINISHED_MAX 64        /* that are within the TLS handshake, which costs memory and time */
#define IU_PREFIX_UNFINISHED_MAX 32 /* of both, from one /24 or /48 */
#define IU_PREFIX_BURST 64          /* handshakes in a row from one of these, */
#define IU_PREFIX_PER_S 16          /* and so many a second after that */
#define IU_PREFIXES_MAX 4096        /* remembered at once */

/* Descriptors */
#define IU_CLIENTS_MAX 64                       /* of the control sockets at once */
#define IU_FILES_OWN 48                         /* store, home, log, listeners, names */
#define IU_FILES_SPARE (IU_FILES_OWN + IU_CLIENTS_MAX + 16) /* never given to peers; 16: of the metrics */

/* Store */
#define IU_RUN_MAX (64 * 1024)
#define IU_RUN_TAIL_MAX (16 * 1024)
#define IU_COMMIT_BYTES_MAX (4 * 1024 * 1024)
#define IU_COMMIT_ENTRIES_MAX 4096
#define IU_INDEX_ENTRIES_MAX (16 * 1024) /* put into the index of ids in one transaction */
#define IU_TILE_WIDTH 256
#define IU_ENTRY_COST 256 /* of a quota, for what an entry takes beside its own bytes */

/* Times, in ms */
#define IU_HANDSHAKE_MS 5000
#define IU_PROVE_MS 30000
#define IU_CLAIM_MS 5000
#define IU_PROGRESS_MS 30000 /* no progress on queued output for this long ends a session */
#define IU_PING_MS 20000
#define IU_DEAD_MS 45000
#define IU_CLONE_MS 5000
#define IU_FENCE_MS 5000
#define IU_BACKOFF_MIN_MS 1000
#define IU_BACKOFF_MAX_MS (15 * 60 * 1000)

#endif
