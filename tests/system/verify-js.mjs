// SPDX-License-Identifier: Apache-2.0
// The script of the pages against the C program: node verify-js.mjs SOURCE-DIR INTERURBAN WORK-DIR FILE…, each FILE with its proof beside it.
// Prints TAP. Every input is given to both; part and reason of the refusal have to be the same.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { webcrypto } from "node:crypto";

const [source, interurban, work, ...exported] = process.argv.slice(2);
const { check, inner, useCrypto } = await import(join(source, "daemon/web/static/verify.js"));
useCrypto(webcrypto);

const most = Number(process.env.IU_BITS ?? 40); // of each file that the program looks at too: it is started for each

const ENDINGS = { file: "", chain: ".chain", proof: ".tlog-proof", opening: ".opening" };
const PARTS = { 80: "chain", 81: "proof", 82: "opening", 83: "content", 84: "city" };
const WHY = [
  ["bytes break the format", "MALFORMED"], ["signature does not verify", "FORGED"], ["two delegations follow the same one", "DISPUTED"],
  ["signed by a key that a newer delegation replaced", "SUPERSEDED"], ["larger than", "OVER_LIMIT"], ["names no key that signed", "UNKNOWN_KEY"],
  ["an older chain: it ends before", "STALE"],
];

let count = 0, failures = 0;
function tell(good, what) {
  console.log(`${good ? "ok" : "not ok"} ${++count} ${what}`);
  if (!good) failures++;
}

const read = (path) => new Uint8Array(readFileSync(path));
const load = (path) => ({ name: basename(path), ...Object.fromEntries(Object.entries(ENDINGS).map(([part, ending]) => [part, read(path + ending)])) });

async function byScript(files, options) {
  const said = await check({ ...files, file: new Blob([files.file]) }, options);
  return said.ok ? "good" : `${said.part} ${said.why}`;
}

function byProgram(files, options = {}) {
  const dir = join(work, "case");
  mkdirSync(dir, { recursive: true });
  for (const [part, ending] of Object.entries(ENDINGS)) writeFileSync(join(dir, files.name + ending), files[part]);
  const flags = [...(options.city ? ["--city", options.city] : []), ...(options.serial ? ["--serial", String(options.serial)] : [])];
  const { status, stderr } = spawnSync(interurban, ["verify", join(dir, files.name), ...flags], { encoding: "utf8" });
  if (status === 0) return "good";
  const part = PARTS[/IU-E0(8\d)/.exec(stderr)?.[1]];
  return `${part} ${WHY.find(([words]) => stderr.includes(words))?.[1] ?? "MISMATCH"}`;
}

const flipped = (bytes, bit) => Uint8Array.from(bytes, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

// As many bits as asked for, spread over the file.
const bitsOf = (bytes, most) => {
  const all = bytes.length * 8, step = Math.max(1, Math.ceil(all / most) | 1);
  return Array.from({ length: Math.ceil(all / step) }, (_, i) => i * step);
};

async function differ(what, cases) {
  const wrong = [], verdicts = new Map();
  for (const [name, files, options] of cases) {
    const verdict = await byScript(files, options), other = byProgram(files, options);
    if (verdict !== other) wrong.push(`${name}: script: ${verdict}; program: ${other}`);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  for (const line of wrong.slice(0, 10)) console.log(`# ${line}`);
  console.log(`# ${cases.length} inputs: ${[...verdicts].map(([verdict, n]) => `${n} ${verdict}`).join(", ")}`);
  tell(cases.length > 0 && wrong.length === 0, `${what}: script and program give one answer to ${cases.length} inputs`);
}

/* --- honest files, and each of their bits --- */

const all = exported.map(load);
for (const files of all) tell((await byScript(files)) === "good" && byProgram(files) === "good", `${files.name}, as it was exported, is good to both`);

for (const files of all.slice(0, 1)) {
  const accepted = [];
  let tried = 0;
  for (const part of Object.keys(ENDINGS))
    for (const bit of bitsOf(files[part], Math.max(most, 2000))) {
      tried++;
      if ((await byScript({ ...files, [part]: flipped(files[part], bit) })) === "good") accepted.push(`${part} bit ${bit}`);
    }
  for (const line of accepted.slice(0, 10)) console.log(`# accepted: ${line}`);
  tell(accepted.length === 0, `${files.name}: none of ${tried} single bits spread over the four files can be changed`);
}

for (const files of all)
  await differ(`${files.name}, one bit changed`,
    Object.keys(ENDINGS).flatMap((part) => bitsOf(files[part], most).map((bit) => [`${part} bit ${bit}`, { ...files, [part]: flipped(files[part], bit) }])));

/* --- bytes taken away and added, files of one another --- */

const cut = (bytes, from, to) => Uint8Array.from([...bytes.subarray(0, from), ...bytes.subarray(to)]);
const put = (bytes, at, what) => Uint8Array.from([...bytes.subarray(0, at), ...Buffer.from(what, "latin1"), ...bytes.subarray(at)]);
const changes = [];
for (const files of all)
  for (const part of Object.keys(ENDINGS)) {
    const bytes = files[part];
    const each = [["empty", new Uint8Array()], ["doubled", Uint8Array.from([...bytes, ...bytes])], ["cut at its end", bytes.slice(0, -1)]];
    for (let i = 0; i < 4; i++) {
      const at = Math.floor((bytes.length * i) / 4);
      each.push([`without byte ${at}`, cut(bytes, at, at + 1)], [`ends at ${at}`, bytes.slice(0, at)]);
      for (const what of ["\n", " ", "\r", "\0", "=", "0", "\u00ff"]) each.push([`${JSON.stringify(what)} put in at ${at}`, put(bytes, at, what)]);
    }
    for (const [what, changed] of each) changes.push([`${part} ${what}`, { ...files, [part]: changed }]);
  }
await differ("bytes added and left away", changes);

const swapped = [];
for (const a of all)
  for (const b of all)
    if (a !== b) for (const part of Object.keys(ENDINGS)) swapped.push([`${part} of ${b.name} with ${a.name}`, { ...a, [part]: b[part] }]);
await differ("files of another document or city", swapped);

/* --- chains --- */

const notesOf = (bytes) => Buffer.from(bytes).toString("latin1").split(/(?<=\n\n[^\n]*\n)/);
const chains = [];
for (const files of all) {
  const notes = notesOf(files.chain);
  const of = (...some) => ({ ...files, chain: new Uint8Array(Buffer.from(some.join(""), "latin1")) });
  chains.push(["the last one missing", of(...notes.slice(0, -1))], ["the first one missing", of(...notes.slice(1))], ["the other way round", of(...[...notes].reverse())],
    ["the last one twice", of(...notes, notes.at(-1))], ["the first one twice", of(notes[0], ...notes)]);
}
const city = (await check({ ...all[0], file: new Blob([all[0].file]) })).city;
for (const files of all) for (const serial of [1, 2, 3]) chains.push([`serial ${serial}`, files, { serial }], ["one city", files, { city }], ["one city", files, { city, serial }]);
await differ("chains in another order, older ones, and the city asked for", chains);

/* --- what a signer could do, and no change of an export can: the vectors --- */

const vectors = (name) => JSON.parse(readFileSync(join(source, "proto/vectors", `${name}.json`), "utf8"));
const bytes = (text) => new TextEncoder().encode(text);
async function why(work) {
  try {
    const said = await work();
    return typeof said === "string" ? said : "OK";
  } catch (error) {
    if (!error.why) throw error;
    return error.why;
  }
}

const note = vectors("note"), noteKey = Uint8Array.from(Buffer.from(note.public, "hex"));
const byNote = (text) => why(async () => inner.noteBy(inner.noteOf(bytes(text)), noteKey));
let wrong = (await byNote(note.note)) === "OK" ? [] : ["the good note"];
for (const one of note.refused) if ((await byNote(one.note)) === "OK") wrong.push(one.why);
tell(wrong.length === 0, `${note.refused.length} notes are refused, and the one that they were made from is good ${wrong.join("; ")}`);

const delegation = vectors("delegation");
const byDelegation = (text) => why(() => inner.delegationOf(bytes(text)));
wrong = (await byDelegation(delegation.note)) === "OK" ? [] : ["the good one"];
for (const one of delegation.refused) {
  const said = await byDelegation(one.note);
  if (said !== one.error.replace("IU_PEER_", "")) wrong.push(`${one.why}: ${said}, not ${one.error}`);
}
tell(wrong.length === 0, `${delegation.refused.length} delegations are refused for their reason ${wrong.join("; ")}`);

const chain = vectors("chain");
wrong = (await why(() => inner.chainOf(bytes(chain.notes.join(""))))) === "OK" ? [] : ["the good one"];
for (const one of chain.refused) {
  const said = await why(() => inner.chainOf(bytes([...chain.notes.slice(0, one.after), one.note].join(""))));
  if (said !== one.error.replace("IU_PEER_", "")) wrong.push(`${one.why}: ${said}, not ${one.error}`);
}
tell(wrong.length === 0, `${chain.refused.length} delegations that do not follow are refused for their reason ${wrong.join("; ")}`);

console.log(`1..${count}`);
process.exit(failures ? 1 : 0);
