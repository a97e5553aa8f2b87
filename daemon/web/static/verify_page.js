// SPDX-License-Identifier: Apache-2.0
// verify.html, and the page /verify of a site, where ?d=entry1… names the document whose proof the site gives: takes the files of an export from a person, and says what the check found. Foreign text is only ever text.
import { check } from "./verify.js";
import { langOf, say, words } from "./verify_words.js";

const ENDINGS = { chain: ".chain", proof: ".tlog-proof", opening: ".opening" };
const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("d") ?? "";
const entry = location.protocol !== "file:" && /^entry1[a-z0-9]{52,80}$/.test(asked) ? asked : null;
let lang = langOf(location.protocol === "file:" ? (navigator.languages ?? []) : [document.documentElement.lang]), result = null;

function put(sentence) {
  const item = document.createElement("li");
  for (const part of say(lang, sentence)) {
    const node = document.createElement(part.param === "city" ? "code" : part.param ? "bdi" : "span");
    node.textContent = part.param === "city" ? part.text.match(/.{1,6}/g).join(" ") : part.text;
    item.append(node);
  }
  return item;
}

function draw() {
  document.documentElement.lang = lang;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words[lang][entry && node.dataset.word === "about" ? "here" : node.dataset.word];
  document.title = words[lang].heading;
  at("verdict").textContent = result ? words[lang][result.busy ? "checking" : String(result.ok)] : "";
  at("result").dataset.ok = result && !result.busy ? String(result.ok) : "";
  at("sentences").replaceChildren(...(result?.sentences ?? []).map(put));
}

const refusal = (code, file) => ({ ok: false, sentences: [{ code, params: { file } }] });

// One file, whose proof this site has.
async function checkHere(file) {
  const input = { name: file.name, file, others: new Map([[file.name, file]]) };
  for (const part of Object.keys(ENDINGS)) {
    const answer = await fetch(`/d/${entry}/${part}`);
    if (!answer.ok) return refusal("gone", "");
    input[part] = new Uint8Array(await answer.arrayBuffer());
  }
  return check(input, { city: at("city").value.trim() || undefined });
}

// Which of the files is the document: the one beside which a proof was given.
async function checkAll(files) {
  const by = new Map(files.map((file) => [file.name, file]));
  const names = [...by.keys()].filter((name) => name.endsWith(ENDINGS.proof)).map((name) => name.slice(0, -ENDINGS.proof.length));
  if (names.length > 1) return refusal("several", "");
  if (!names.length) return refusal("missing", `${ENDINGS.proof}`);
  const [name] = names, input = { name, file: by.get(name) ?? null, others: by };
  for (const [part, ending] of Object.entries(ENDINGS)) {
    if (!by.has(name + ending)) return refusal("missing", name + ending);
    input[part] = new Uint8Array(await by.get(name + ending).slice(0, 256 * 1024 + 1).arrayBuffer());
  }
  return check(input, { city: at("city").value.trim() || undefined });
}

async function run(files) {
  if (!files.length) return;
  result = { busy: true };
  draw();
  try {
    result = await (entry && files.length === 1 ? checkHere(files[0]) : checkAll([...files]));
  } catch {
    result = refusal(entry ? "gone" : "missing", ""); // a file that cannot be read
  }
  draw();
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run(at("files").files);
});
at("files").addEventListener("change", () => run(at("files").files));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  run(event.dataTransfer.files);
});
const chosen = at("lang"); // on a site the language is the page's
if (chosen) {
  chosen.value = lang;
  chosen.addEventListener("change", () => {
    lang = chosen.value;
    draw();
  });
}
draw();
