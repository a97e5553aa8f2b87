// SPDX-License-Identifier: Apache-2.0
// Checks an exported document without a node: chain -> head -> leaf -> commitment -> body -> content (PROTOCOL.md section 10).
// The rules and their order are those of `interurban verify`: the same files get the same answer, by the same part. Runs in a
// browser and under Node; SHA-256 and Ed25519 come from WebCrypto, which it tests first. Nothing here touches a page or a network.

const SIZE_MAX = 2n ** 63n - 1n;
const HEADER_MAX = 60 * 1024, BODY_MAX = 60 * 1024, CHUNK_LEN = 64 * 1024, FILE_MAX = 256 * 1024;
const PREFIX_LEN = 44; // of the leaf data: city, log, index
const KIND_CHARTER = 1, KIND_DOCUMENT = 20;

class Wrong extends Error {
  constructor(why, part) {
    super(why);
    this.why = why;
    this.part = part;
  }
}
const mismatch = () => new Wrong("MISMATCH");
const need = (good, why = "MALFORMED") => {
  if (!good) throw new Wrong(why);
};
const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/* --- bytes and text --- */

// Bytes as a string of as many characters, so that lines are cut by string functions and compared byte for byte.
function binary(bytes) {
  let out = "";
  for (let at = 0; at < bytes.length; at += 8192) out += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return out;
}
const bytesOf = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const utf8 = (text) => new TextEncoder().encode(text);

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// UTF-8 without control characters; null if it is anything else. Prose may have LF and TAB.
function textOf(bytes, prose) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  for (const c of text) {
    const code = c.codePointAt(0);
    if ((code < 0x20 || (code >= 0x7f && code < 0xa0)) && !(prose && (c === "\n" || c === "\t"))) return null;
  }
  return text;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648 section 4, padded, unused bits zero.
function base64(text) {
  need(text.length % 4 === 0);
  const digits = text.replace(/={1,2}$/, "");
  const out = new Uint8Array(Math.floor((digits.length * 6) / 8));
  let held = 0, bits = 0, count = 0;
  for (const c of digits) {
    const value = DIGITS.indexOf(c);
    need(value >= 0);
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[count++] = (held >> bits) & 0xff;
      held &= (1 << bits) - 1;
    }
  }
  need(bits < 6 && held === 0);
  return out;
}

function base64Exact(text, len) {
  const out = base64(text);
  need(out.length === len);
  return out;
}

function base64Put(bytes) {
  let out = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const v = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const left = bytes.length - i;
    out += DIGITS[v >> 18] + DIGITS[(v >> 12) & 63] + (left > 1 ? DIGITS[(v >> 6) & 63] : "=") + (left > 2 ? DIGITS[v & 63] : "=");
  }
  return out;
}

function decimal(text) {
  need(/^(0|[1-9][0-9]{0,18})$/.test(text) && !text.includes("\n"));
  const value = BigInt(text);
  need(value <= SIZE_MAX);
  return value;
}

// A number that fits 32 bits and is not 0.
function ordinal(text) {
  const value = decimal(text);
  need(value > 0n && value <= 0xffffffffn);
  return Number(value);
}

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l", BECH32M = 0x2bc830a3;

function bech32Sum(prefix, values) {
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  const codes = [...prefix].map((c) => c.charCodeAt(0));
  let sum = 1;
  for (const value of [...codes.map((c) => c >> 5), 0, ...codes.map((c) => c & 31), ...values]) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (let i = 0; i < 5; i++) if ((top >> i) & 1) sum ^= generator[i];
  }
  return sum >>> 0;
}

function regroup(values, from, to) {
  const out = [];
  let held = 0, bits = 0;
  for (const value of values) {
    held = ((held << from) | value) & 0xfff;
    for (bits += from; bits >= to; bits -= to) out.push((held >> (bits - to)) & ((1 << to) - 1));
  }
  return { out, rest: held & ((1 << bits) - 1), bits };
}

// 32 bytes under a prefix, BIP 350, lower case.
function bech32Get(text, prefix) {
  need(text.length === prefix.length + 59 && text.startsWith(`${prefix}1`));
  const values = [...text.slice(prefix.length + 1)].map((c) => BECH32.indexOf(c));
  need(values.every((value) => value >= 0) && bech32Sum(prefix, values) === BECH32M);
  const { out, rest } = regroup(values.slice(0, 52), 5, 8);
  need(rest === 0);
  return Uint8Array.from(out);
}

function bech32Put(bytes, prefix) {
  const { out, rest, bits } = regroup(bytes, 8, 5);
  const values = [...out, (rest << (5 - bits)) & 31];
  const sum = bech32Sum(prefix, [...values, 0, 0, 0, 0, 0, 0]) ^ BECH32M;
  for (let i = 5; i >= 0; i--) values.push((sum >>> (5 * i)) & 31);
  return `${prefix}1${values.map((value) => BECH32[value]).join("")}`;
}

/* --- hashes and keys --- */

let subtle = globalThis.crypto?.subtle, able;

// Node 18 has WebCrypto in a module only: the caller hands it in.
export function useCrypto(crypto) {
  subtle = crypto.subtle;
  able = undefined;
}

const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", joined(...parts)));
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);
const leafHash = (data) => sha256(Uint8Array.of(0), data);

const hex = (text) => Uint8Array.from(text.match(/../g), (two) => parseInt(two, 16));
const SMALL_ORDER = [
  "00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

// Canonical, and none of the points of small order (RFC 8032 section 5.1.3).
function keyOk(key) {
  const y = Uint8Array.from(key);
  y[31] &= 0x7f;
  if (y[31] === 0x7f && y[0] >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff)) return false;
  return !SMALL_ORDER.some((small) => equal(hex(small), y));
}

async function signed(key, message, signature) {
  if (!keyOk(key)) return false;
  try {
    const imported = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return (await subtle.verify({ name: "Ed25519" }, imported, signature, message)) === true;
  } catch {
    return false; // 32 bytes that are no point
  }
}

// Whether this browser can check at all: RFC 8032 section 7.1, test 2, is true, and false with one bit changed.
export const canCheck = () => (able ??= tryOut());

async function tryOut() {
  const key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  if (!subtle) return false;
  const good = await signed(key, Uint8Array.of(0x72), signature);
  return good && !(await signed(key, Uint8Array.of(0x73), signature));
}

/* --- notes (C2SP signed-note), one signature --- */

const DASH = "\u00e2\u0080\u0094 "; // the bytes of an em dash, and a space
const SPACES = /[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

function noteOf(bytes) {
  need(bytes.length <= 16 * 1024, "OVER_LIMIT");
  const whole = binary(bytes);
  need(whole.length >= 4 && whole.endsWith("\n"));
  const at = whole.lastIndexOf("\n\n", whole.length - 3) + 1;
  need(at > 0);
  const text = bytes.subarray(0, at);
  need(textOf(text, true) !== null && !whole.slice(0, at).includes("\t"));
  const [line, ...rest] = whole.slice(at + 1).split("\n");
  need(line.startsWith(DASH));
  const space = line.indexOf(" ", DASH.length);
  need(space > DASH.length);
  const name = line.slice(DASH.length, space);
  const words = textOf(bytesOf(name), false);
  need(words !== null && !words.includes("+") && !SPACES.test(words));
  need(rest.length === 1 && rest[0] === "");
  const code = base64Exact(line.slice(space + 1), 68);
  return { text, name, keyId: code.subarray(0, 4), signature: code.subarray(4) };
}

const keyId = async (name, key) => (await sha256(bytesOf(name), Uint8Array.of(10, 1), key)).subarray(0, 4);

// "OK", "UNKNOWN_KEY" or "FORGED".
async function noteBy(note, key) {
  if (!equal(await keyId(note.name, key), note.keyId)) return "UNKNOWN_KEY";
  return (await signed(key, note.text, note.signature)) ? "OK" : "FORGED";
}

/* --- delegations and their chain --- */

async function delegationOf(bytes) {
  need(bytes.length <= 2048, "OVER_LIMIT");
  const note = noteOf(bytes);
  const empty = await sha256();
  let rest = binary(note.text);
  const take = (word, end = "\n") => {
    const at = rest.indexOf(end);
    need(at >= 0);
    const found = rest.slice(0, at);
    rest = rest.slice(at + 1);
    need(word === undefined || found === word);
    return found;
  };
  const value = (word) => (take(word, " "), base64Exact(take(), 32));
  take("interurban-delegation/1");
  take("city", " ");
  const id = take();
  const d = { id, city: bech32Get(id, "city"), logs: [] };
  take("serial", " ");
  d.serial = ordinal(take());
  for (const word of ["prev", "root", "next", "node"]) d[word] = value(word);
  do {
    need(d.logs.length < 16, "OVER_LIMIT");
    take("log", " ");
    const line = { log: ordinal(take(undefined, " ")), size: decimal(take(undefined, " ")), root: base64Exact(take(), 32) };
    need(line.size > 0n || equal(line.root, empty));
    need(!d.logs.length || line.log > d.logs.at(-1).log);
    d.logs.push(line);
  } while (rest);
  need(note.name === id && keyOk(d.root) && keyOk(d.node));
  d.hash = await sha256(note.text);
  need((await noteBy(note, d.root)) === "OK", "FORGED");
  return d;
}

const openLog = (d) => d.logs.at(-1).log;

function logsFollow(before, d) {
  const old = before.logs.length;
  if (d.logs.length < old || d.logs.length > old + 1) return false;
  return before.logs.every((was, i) => {
    const line = d.logs[i];
    if (line.log !== was.log) return false;
    if (line.size === was.size) return equal(line.root, was.root);
    return i + 1 === old && line.size > was.size;
  });
}

// Whether `d` is a valid delegation behind `before`, or the first.
async function fits(before, d) {
  if (!before) {
    return d.serial === 1 && d.prev.every((byte) => byte === 0) && equal(d.root, d.city) && d.logs.length === 1 && d.logs[0].log === 1;
  }
  const root = equal(d.root, before.root) || equal(await sha256(d.root), before.next);
  return root && equal(d.city, before.city) && d.serial === before.serial + 1 && equal(d.prev, before.hash) && logsFollow(before, d);
}

async function append(chain, d) {
  if (!(await fits(chain.at(-1), d))) {
    const at = chain.findIndex((held) => equal(d.prev, held.prev) && !equal(d.hash, held.hash) && equal(d.city, held.city));
    throw new Wrong(at >= 0 && (await fits(chain[at - 1], d)) ? "DISPUTED" : "MISMATCH");
  }
  need(chain.length < 64, "OVER_LIMIT");
  chain.push(d);
}

async function chainOf(bytes) {
  const whole = binary(bytes), chain = [];
  let at = 0;
  do {
    const gap = whole.indexOf("\n\n", at);
    need(gap >= 0);
    const end = whole.indexOf("\n", gap + 2);
    need(end >= 0);
    const d = await delegationOf(bytes.subarray(at, end + 1));
    need(bytes.length <= 128 * 1024, "OVER_LIMIT");
    need(!chain.length || equal(d.city, chain[0].city), "MISMATCH");
    await append(chain, d);
    at = end + 1;
  } while (at < bytes.length);
  return chain;
}

/* --- heads --- */

async function headOf(note) {
  const [origin, size, root, ...rest] = binary(note.text).split("\n");
  need(rest.length === 1 && rest[0] === "");
  const slash = origin.indexOf("/");
  need(slash >= 0);
  const head = { city: bech32Get(origin.slice(0, slash), "city"), log: ordinal(origin.slice(slash + 1)), size: decimal(size), root: base64Exact(root, 32) };
  need(origin === note.name && (head.size > 0n || equal(head.root, await sha256())));
  return head;
}

// Which keys may sign it: those of the log, as long as every later delegation agrees to at least this size.
async function signer(note, chain, head) {
  let limit = null, found = "UNKNOWN_KEY";
  for (const d of [...chain].reverse()) {
    const may = (limit === null || head.size <= limit) && openLog(d) === head.log;
    const by = await noteBy(note, d.node);
    if (by === "OK" && may) return "OK";
    if (by === "FORGED") return by;
    if (by === "OK") found = "SUPERSEDED";
    const cut = d.logs.find((line) => line.log === head.log)?.size ?? 0n;
    limit = limit === null || cut < limit ? cut : limit;
  }
  return found;
}

// The key id is that of a key of the chain but for a byte, or the signature is by one: the note was altered.
async function keyIdAltered(note, chain) {
  for (const d of chain) {
    const id = await keyId(note.name, d.node);
    if (id.filter((byte, i) => byte !== note.keyId[i]).length <= 1 || (await signed(d.node, note.text, note.signature))) return true;
  }
  return false;
}

async function checkHead(note, chain, head) {
  let why = await signer(note, chain, head);
  if (why === "UNKNOWN_KEY" && (await keyIdAltered(note, chain))) why = "FORGED";
  const line = chain.at(-1).logs.find((one) => one.log === head.log);
  if (why === "OK" && line && line.size === head.size && !equal(line.root, head.root)) why = "MISMATCH";
  if (why !== "OK") throw new Wrong(why, why === "UNKNOWN_KEY" || why === "SUPERSEDED" ? "chain" : "proof");
}

/* --- protobuf, one encoding only --- */

function varint(in_) {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = in_.bytes[in_.at++];
    need(byte !== undefined && !(shift === 63n && byte > 1) && !(shift && byte === 0));
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new Wrong("MALFORMED");
}

function fieldOf(in_) {
  const tag = varint(in_), type = tag & 7n, number = tag >> 3n;
  let value;
  if (type === 0n) {
    value = varint(in_);
  } else {
    need(type === 2n);
    const len = varint(in_);
    need(len <= BigInt(in_.bytes.length - in_.at));
    value = in_.bytes.subarray(in_.at, (in_.at += Number(len)));
  }
  need(number > 0n && number <= 0x1fffffffn);
  return { number: Number(number), type: Number(type), value };
}

function packedOf(bytes, most) {
  const in_ = { bytes, at: 0 }, out = [];
  need(bytes.length);
  while (in_.at < bytes.length) {
    need(out.length < most, "OVER_LIMIT");
    const value = varint(in_);
    need(value <= 0xffffffffn);
    out.push(Number(value));
  }
  return out;
}

// A row: name, type, most, bytes at least, bytes at most, table of a message. Lists become arrays.
const U = (name, type) => ({ name, type, most: 1 });
const B = (name, type, most, least, max, table) => ({ name, type, most, least, max, table });
const FILE_NAME_MAX = 255;
const REF = { 1: B("city", "bytes", 1, 32, 32), 2: U("log", "u32"), 3: U("index", "u64"), 4: B("entry", "bytes", 1, 32, 32) };
const AUDIENCE = { 1: B("rolls", "message", 256, 0, HEADER_MAX, REF), 2: B("cities", "bytes", 256, 32, 32) };
const EXTENSION = { 1: U("number", "u32"), 2: B("value", "bytes", 1, 0, HEADER_MAX) };
const HEADER = {
  1: U("kind", "u32"), 2: U("date", "u64"), 3: B("lang", "string", 1, 0, 35), 4: B("tags", "string", 32, 0, 64),
  5: B("refs", "message", 256, 0, HEADER_MAX, REF), 6: B("audience", "message", 1, 0, HEADER_MAX, AUDIENCE),
  7: B("licence", "string", 1, 0, 255), 8: B("commit", "bytes", 1, 32, 32), 9: U("bodyLen", "u32"),
  10: B("fields", "bytes", 1, 0, HEADER_MAX), 11: B("ext", "message", 32, 0, HEADER_MAX, EXTENSION), 12: B("crit", "packed", 32, 0, HEADER_MAX),
};
const CONTENT = { 1: B("name", "string", 1, 0, FILE_NAME_MAX), 2: B("media", "string", 1, 0, 255), 3: B("data", "bytes", 1, 0, 48 * 1024) };
const ATTACHMENT = {
  1: B("name", "string", 1, 0, FILE_NAME_MAX), 2: B("media", "string", 1, 0, 255), 3: U("size", "u64"),
  4: B("root", "bytes", 1, 32, 32), 5: B("sha256", "bytes", 1, 32, 32),
};
const PRACTICE = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((n) => [n, B(`p${n}`, "text", 1, 0, BODY_MAX)]));
const BODY = {
  1: B("title", "string", 1, 0, 500), 2: B("summary", "text", 1, 0, BODY_MAX), 3: B("content", "message", 1, 0, BODY_MAX, CONTENT),
  4: B("attachments", "message", 64, 0, BODY_MAX, ATTACHMENT), 5: B("practice", "message", 1, 0, BODY_MAX, PRACTICE),
};
const CHARTER = {
  1: B("name", "string", 1, 0, 255), 2: B("handle", "string", 1, 0, 32), 3: B("domain", "string", 1, 0, 253), 4: U("class", "u32"),
  5: B("codes", "string", 32, 0, 64), 6: B("languages", "string", 32, 0, 35), 7: U("band", "u32"), 8: B("addresses", "string", 8, 0, 255),
  9: B("recipient", "string", 1, 0, 4096),
};

function valueOf(row, field) {
  const { type, value } = field;
  if (row.type === "u32" || row.type === "u64") {
    need(type === 0 && value !== 0n && (row.type === "u64" || value <= 0xffffffffn));
    return row.type === "u32" ? Number(value) : value;
  }
  need(type === 2);
  if (row.type === "packed") return packedOf(value, row.most);
  need(value.length <= row.max, "OVER_LIMIT");
  if (row.type === "message") return messageOf(row.table, value);
  need(value.length >= row.least && (row.most > 1 || value.length));
  if (row.type === "bytes") return value;
  const text = textOf(value, row.type === "text");
  need(text !== null);
  return text;
}

function messageOf(table, bytes) {
  const in_ = { bytes, at: 0 }, out = {};
  let last = 0, met = 0;
  for (const row of Object.values(table)) if (row.most > 1 && row.type !== "packed") out[row.name] = [];
  while (in_.at < bytes.length) {
    const field = fieldOf(in_), row = table[field.number];
    need(row && field.number >= last);
    met = field.number === last ? met + 1 : 1;
    last = field.number;
    const most = row.type === "packed" ? 1 : row.most;
    need(met <= most, most === 1 ? "MALFORMED" : "OVER_LIMIT");
    const value = valueOf(row, field);
    if (most > 1) out[row.name].push(value);
    else out[row.name] = value;
  }
  return out;
}

const refOk = (ref) => ref.city && ref.log && ref.entry;

function headerOf(bytes) {
  need(bytes.length <= HEADER_MAX, "OVER_LIMIT");
  const header = messageOf(HEADER, bytes);
  const numbers = header.ext.map((ext) => ext.number ?? 0), crit = header.crit ?? [];
  need(header.kind && header.refs.every(refOk) && (header.audience?.rolls ?? []).every(refOk));
  need(header.bodyLen === undefined || (header.commit && header.bodyLen <= BODY_MAX));
  need(numbers.every((n, i) => n > (i ? numbers[i - 1] : 0)));
  need(crit.every((n, i) => numbers.includes(n) && (!i || n > crit[i - 1])));
  return header;
}

function fileNameOk(name) {
  return Boolean(name) && utf8(name).length <= FILE_NAME_MAX && !name.includes("/") && !name.startsWith("-") && name !== "." && name !== "..";
}

function bodyOf(bytes) {
  need(bytes.length <= BODY_MAX, "OVER_LIMIT");
  const body = messageOf(BODY, bytes);
  need(!body.content || fileNameOk(body.content.name));
  for (const a of body.attachments) {
    need(fileNameOk(a.name) && a.root && a.sha256);
    a.size ??= 0n;
    need(a.size <= 1024n ** 3n, "OVER_LIMIT");
  }
  return body;
}

/* --- proof and opening --- */

// Lines off the front of a file; what is not taken is left.
function linesOf(bytes) {
  let rest = binary(bytes);
  return {
    take(word) {
      const end = rest.indexOf("\n");
      need(end >= 0 && rest.slice(0, end).startsWith(word));
      const line = rest.slice(word.length, end);
      rest = rest.slice(end + 1);
      return line;
    },
    rest: () => rest,
  };
}

function proofOf(bytes) {
  const lines = linesOf(bytes), hashes = [];
  need(lines.take("c2sp.org/tlog-proof@v1") === "");
  const extra = lines.take("extra ");
  need(extra.length <= (PREFIX_LEN + HEADER_MAX) * 2, "OVER_LIMIT");
  const index = decimal(lines.take("index "));
  for (let line; (line = lines.take("")); hashes.push(base64Exact(line, 32))) need(hashes.length < 128, "OVER_LIMIT");
  const leaf = base64(extra);
  need(leaf.length >= PREFIX_LEN);
  return { leaf, index, hashes, checkpoint: bytesOf(lines.rest()) };
}

function openingOf(bytes) {
  const lines = linesOf(bytes);
  need(lines.take("interurban-opening/1") === "");
  const salt = lines.take(""), body = lines.take("");
  need(!lines.rest() && (!body || salt));
  need(body.length <= 2 * BODY_MAX, "OVER_LIMIT");
  const opening = { salt: base64(salt), body: base64(body) };
  need(opening.salt.length === 0 || opening.salt.length === 32);
  return opening;
}

// RFC 9162 section 2.1.3.2.
async function included(proof, entry, head) {
  need(proof.index < head.size, "MISMATCH");
  let fn = proof.index, sn = head.size - 1n, at = entry;
  for (const hash of proof.hashes) {
    need(sn, "MISMATCH");
    if (fn & 1n || fn === sn) {
      at = await nodeHash(hash, at);
      for (; !(fn & 1n) && fn; sn >>= 1n) fn >>= 1n;
    } else {
      at = await nodeHash(at, hash);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  need(!sn && equal(at, head.root), "MISMATCH");
}

async function checkLeaf(proof, head) {
  const prefix = new Uint8Array(PREFIX_LEN), view = new DataView(prefix.buffer);
  prefix.set(head.city);
  view.setUint32(32, head.log);
  view.setBigUint64(36, proof.index);
  need(equal(prefix, proof.leaf.subarray(0, PREFIX_LEN)), "MISMATCH");
  const entry = await leafHash(proof.leaf);
  await included(proof, entry, head);
  return entry;
}

async function checkOpening(bytes, header) {
  const { salt, body } = openingOf(bytes);
  need(!header.commit || salt.length, "MISMATCH");
  if (salt.length) need(header.commit && equal(await sha256(salt, body), header.commit), "MISMATCH");
  else need(!body.length, "MISMATCH");
  need(!header.commit || body.length === (header.bodyLen ?? 0));
  return header.kind === KIND_DOCUMENT && header.commit ? bodyOf(body) : { attachments: [] };
}

/* --- the whole check --- */

async function blaming(part, work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Wrong) error.part ??= part;
    throw error;
  }
}

// files: {chain, proof, opening} as Uint8Array. city: the id that is expected, 32 bytes, or null.
async function bundle(files, city) {
  const chain = await blaming("chain", () => chainOf(files.chain));
  const proof = await blaming("proof", () => proofOf(files.proof));
  const note = await blaming("proof", () => noteOf(proof.checkpoint));
  const head = await blaming("proof", () => headOf(note));
  if (!equal(head.city, chain[0].city)) throw new Wrong("MISMATCH", city && equal(head.city, city) ? "chain" : "proof");
  await checkHead(note, chain, head);
  const entry = await blaming("proof", () => checkLeaf(proof, head));
  const header = await blaming("proof", () => headerOf(proof.leaf.subarray(PREFIX_LEN)));
  const body = await blaming("opening", () => checkOpening(files.opening, header));
  if (city && !equal(head.city, city)) throw new Wrong("MISMATCH", "city");
  return { chain, head, index: proof.index, entry, header, body };
}

// The three figures by which a document names a file. A Blob is read in pieces for its tree, whole for its SHA-256.
async function sumsOf(blob) {
  const tree = [];
  for (let at = 0; at < blob.size; at += CHUNK_LEN) {
    let node = await leafHash(new Uint8Array(await blob.slice(at, at + CHUNK_LEN).arrayBuffer()));
    for (let i = at / CHUNK_LEN; i % 2 === 1; i = (i - 1) / 2) node = await nodeHash(tree.pop(), node);
    tree.push(node);
  }
  let root = tree.pop() ?? (await sha256());
  while (tree.length) root = await nodeHash(tree.pop(), root);
  return { size: BigInt(blob.size), sha256: new Uint8Array(await subtle.digest("SHA-256", await blob.arrayBuffer())), root };
}

// Under which names the document has a file of these bytes.
async function namesOf(body, sums) {
  const names = [];
  const content = body.content && (body.content.data ?? new Uint8Array());
  if (content && BigInt(content.length) === sums.size && equal(await sha256(content), sums.sha256)) names.push(body.content.name);
  for (const a of body.attachments) if (a.size === sums.size && equal(a.sha256, sums.sha256) && equal(a.root, sums.root)) names.push(a.name);
  return names;
}

async function checkFiles(input, body) {
  const listed = [...(body.content ? [body.content.name] : []), ...body.attachments.map((a) => a.name)];
  const others = [];
  if (!input.file) {
    if (listed.length) throw new Wrong("ABSENT", "content");
    return others;
  }
  const names = await namesOf(body, await sumsOf(input.file));
  if (!names.includes(input.name)) throw Object.assign(mismatch(), { part: "content", known: names[0] ?? null, file: input.name });
  for (const name of listed) {
    if (name === input.name) continue;
    const here = input.others?.get(name);
    if (here && !(await namesOf(body, await sumsOf(here))).includes(name)) throw Object.assign(mismatch(), { part: "content", known: null, file: name });
    others.push({ name, here: Boolean(here) });
  }
  return others;
}

function titleOf(found) {
  if (found.header.kind === KIND_DOCUMENT) return found.body.title ?? "";
  if (found.header.kind !== KIND_CHARTER) return null;
  try {
    return messageOf(CHARTER, found.header.fields ?? new Uint8Array()).name ?? "";
  } catch {
    return null;
  }
}

const dayOf = (ms) => (ms < 253402300800000n ? new Date(Number(ms)).toISOString().slice(0, 10) : "9999-12-31");

// input: {name, file, others, chain, proof, opening}: `file` and the values of `others` (a Map by name) are Blobs, the rest Uint8Array;
// file null: an entry without one. options: {city: "city1…", serial}. Gives {ok, part, why, sentences: [{code, params}]} and, if ok, what was found.
export async function check(input, options = {}) {
  if (!(await canCheck())) return { ok: false, part: "browser", why: "UNABLE", sentences: [{ code: "unable", params: {} }] };
  try {
    for (const part of ["chain", "proof", "opening"]) if (input[part].length > FILE_MAX) throw new Wrong("OVER_LIMIT", part);
    const found = await bundle(input, options.city ? await blaming("id", () => bech32Get(options.city, "city")) : null);
    if (options.serial && found.chain.length < options.serial) throw new Wrong("STALE", "chain");
    const others = await checkFiles(input, found.body);
    return answer(input, options, found, others);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const code = error.part === "content" ? (error.why === "ABSENT" ? "absent" : error.known ? "renamed" : "changed") : `wrong_${error.part}`;
    return { ok: false, part: error.part, why: error.why, sentences: [{ code, params: { file: error.file ?? input.name, known: error.known ?? "" } }] };
  }
}

function answer(input, options, found, others) {
  const city = bech32Put(found.head.city, "city"), title = titleOf(found), index = String(found.index), date = dayOf(found.header.date ?? 0n);
  const sentences = [
    { code: title === null ? "same_untitled" : "same", params: { file: input.name, title: title ?? "", date } },
    { code: "city", params: { city } },
    { code: options.city ? "city_expected" : "compare", params: {} },
    { code: "place", params: { index, log: String(found.head.log), size: String(found.head.size) } },
    ...others.map((other) => ({ code: other.here ? "other_good" : "other_absent", params: { file: other.name } })),
    { code: "later", params: {} },
  ];
  return { ok: true, part: null, why: "OK", sentences, city, title, index, log: found.head.log, size: String(found.head.size),
    serial: found.chain.length, entry: bech32Put(found.entry, "entry"), date };
}

export const inner = { base64, base64Put, bech32Get, bech32Put, chainOf, decimal, delegationOf, included, keyId, keyOk, noteBy, noteOf, sumsOf };
