// SPDX-License-Identifier: Apache-2.0
// What a check says, in the languages of the pages. {file} and its like are put in as text, never as markup.

export const words = {
  en: {
    heading: "Check a document", true: "True", false: "Not shown to be true", checking: "Checking…", lang: "Language",
    about: "Choose the document together with the three files that were exported beside it: their names end in .tlog-proof, .opening and .chain. Nothing leaves this computer.",
    here: "Choose your copy of the document, under its own name. Its proof is fetched from this site; your copy does not leave this computer.", gone: "The proof could not be fetched from this site. Try again, or give the three files yourself.",
    choose: "Files to check", drop: "or drop them here", id: "Id of the city, if you have it from elsewhere (city1…)", run: "Check",
    missing: "Not given: {file}. The document and its three files are needed.", several: "More than one document was given. Check one at a time.",
    same: "{file} is “{title}”, dated {date}, exactly as the city below published it.", same_untitled: "{file} is an entry dated {date}, exactly as the city below published it.",
    city: "The city's id is {city}", compare: "Whose id that is, the files cannot say. Compare it with one that you trust: of the city's own page, a letter, another city.",
    city_expected: "It is the city whose id you gave.", place: "It is entry {index} of the city's log {log}, in a signed record of {size} entries.",
    other_good: "{file} belongs to it, and is as the city published it.", other_absent: "{file} is named by it and was not given: not checked.",
    later: "Not known without a network: whether a later version exists, or whether the city has changed its keys since.",
    changed: "{file} is not what the city published: its bytes differ. The proof itself is good.", absent: "The proof is good, but the document itself was not given.",
    renamed: "The bytes are those that the city published as {known}; {file} is another name. The name is signed too.",
    wrong_chain: "The file of delegations (.chain) is not good: it was changed, is older, or is another city's.", wrong_proof: "The proof (.tlog-proof) is not good: it was changed, or does not belong to these files.",
    wrong_opening: "The opening (.opening) is not what the proof commits to: one of the two was changed, or is another document's.",
    wrong_city: "All of it is good, but it is another city's record than the one whose id you gave.", wrong_id: "The id that you gave is not a whole one. Copy it again.",
    unable: "This browser cannot check Ed25519 signatures here, so nothing was checked. Use a newer browser, or: interurban verify FILE",
  },
  fr: {
    heading: "Vérifier un document", true: "Authentique", false: "Authenticité non établie", checking: "Vérification…", lang: "Langue",
    about: "Choisissez le document avec les trois fichiers exportés à côté de lui : leurs noms se terminent par .tlog-proof, .opening et .chain. Rien ne quitte cet ordinateur.",
    here: "Choisissez votre copie du document, sous son propre nom. Sa preuve est demandée à ce site ; votre copie ne quitte pas cet ordinateur.", gone: "La preuve n'a pas pu être demandée à ce site. Réessayez, ou donnez vous-même les trois fichiers.",
    choose: "Fichiers à vérifier", drop: "ou déposez-les ici", id: "Identifiant de la ville, si vous l'avez par ailleurs (city1…)", run: "Vérifier",
    missing: "Il manque : {file}. Il faut le document et ses trois fichiers.", several: "Plusieurs documents ont été donnés. Vérifiez-en un à la fois.",
    same: "{file} est « {title} », daté du {date}, exactement tel que la ville ci-dessous l'a publié.", same_untitled: "{file} est une entrée datée du {date}, exactement telle que la ville ci-dessous l'a publiée.",
    city: "L'identifiant de la ville est {city}", compare: "À qui est cet identifiant, les fichiers ne peuvent le dire. Comparez-le avec un autre auquel vous vous fiez : page de la ville, courrier, autre ville.",
    city_expected: "C'est la ville dont vous avez donné l'identifiant.", place: "C'est l'entrée {index} du journal {log} de la ville, dans un registre signé de {size} entrées.",
    other_good: "{file} en fait partie et est tel que la ville l'a publié.", other_absent: "{file} y est nommé et n'a pas été donné : non vérifié.",
    later: "Impossible à savoir sans réseau : s'il existe une version plus récente, ou si la ville a changé ses clés depuis.",
    changed: "{file} n'est pas ce que la ville a publié : ses octets diffèrent. La preuve elle-même est bonne.", absent: "La preuve est bonne, mais le document lui-même n'a pas été donné.",
    renamed: "Les octets sont ceux que la ville a publiés sous le nom {known} ; {file} est un autre nom. Le nom aussi est signé.",
    wrong_chain: "Le fichier des délégations (.chain) n'est pas bon : modifié, plus ancien, ou d'une autre ville.", wrong_proof: "La preuve (.tlog-proof) n'est pas bonne : modifiée, ou étrangère à ces fichiers.",
    wrong_opening: "L'ouverture (.opening) n'est pas celle que la preuve engage : l'une des deux a été modifiée, ou est d'un autre document.",
    wrong_city: "Tout est bon, mais c'est le registre d'une autre ville que celle dont vous avez donné l'identifiant.", wrong_id: "L'identifiant donné n'est pas entier. Copiez-le de nouveau.",
    unable: "Ce navigateur ne sait pas vérifier ici les signatures Ed25519 : rien n'a été vérifié. Prenez un navigateur plus récent, ou : interurban verify FILE",
  },
  es: {
    heading: "Comprobar un documento", true: "Auténtico", false: "Autenticidad no demostrada", checking: "Comprobando…", lang: "Idioma",
    about: "Elija el documento con los tres archivos exportados junto a él: sus nombres terminan en .tlog-proof, .opening y .chain. Nada sale de este ordenador.",
    here: "Elija su copia del documento, con su propio nombre. La prueba se pide a este sitio; su copia no sale de este equipo.", gone: "No se pudo pedir la prueba a este sitio. Inténtelo de nuevo, o dé usted los tres archivos.",
    choose: "Archivos que comprobar", drop: "o suéltelos aquí", id: "Identificador de la ciudad, si lo tiene de otra fuente (city1…)", run: "Comprobar",
    missing: "Falta: {file}. Se necesitan el documento y sus tres archivos.", several: "Se ha dado más de un documento. Compruebe uno cada vez.",
    same: "{file} es «{title}», con fecha {date}, exactamente como lo publicó la ciudad indicada abajo.", same_untitled: "{file} es una entrada con fecha {date}, exactamente como la publicó la ciudad indicada abajo.",
    city: "El identificador de la ciudad es {city}", compare: "De quién es ese identificador, los archivos no pueden decirlo. Compárelo con otro en el que confíe: la página de la ciudad, una carta, otra ciudad.",
    city_expected: "Es la ciudad cuyo identificador ha dado.", place: "Es la entrada {index} del diario {log} de la ciudad, en un registro firmado de {size} entradas.",
    other_good: "{file} forma parte de él y está como la ciudad lo publicó.", other_absent: "{file} se nombra en él y no se ha dado: no comprobado.",
    later: "No se puede saber sin red: si existe una versión posterior, o si la ciudad ha cambiado sus claves desde entonces.",
    changed: "{file} no es lo que publicó la ciudad: sus bytes difieren. La prueba en sí es buena.", absent: "La prueba es buena, pero no se ha dado el documento mismo.",
    renamed: "Los bytes son los que la ciudad publicó como {known}; {file} es otro nombre. El nombre también está firmado.",
    wrong_chain: "El archivo de delegaciones (.chain) no es bueno: modificado, más antiguo o de otra ciudad.", wrong_proof: "La prueba (.tlog-proof) no es buena: modificada, o ajena a estos archivos.",
    wrong_opening: "La apertura (.opening) no es la que la prueba compromete: una de las dos fue modificada, o es de otro documento.",
    wrong_city: "Todo es bueno, pero es el registro de otra ciudad que la del identificador dado.", wrong_id: "El identificador dado no está entero. Cópielo de nuevo.",
    unable: "Este navegador no sabe comprobar aquí firmas Ed25519: no se ha comprobado nada. Use uno más reciente, o: interurban verify FILE",
  },
};

// Characters that change how others are shown, or show nothing, are shown as U+FFFD: lib/base/text.
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
export const shown = (text) => text.replace(DECEPTIVE, "\ufffd");

export const langOf = (wanted) => wanted.map((lang) => lang.slice(0, 2).toLowerCase()).find((lang) => words[lang]) ?? "en";

// The parts of a sentence: {text} and, for what the files say, {text, param}.
export function say(lang, { code, params }) {
  return words[lang][code].split(/\{([a-z]+)\}/).map((text, i) => (i % 2 ? { text: shown(String(params[text] ?? "")), param: text } : { text })).filter((part) => part.text);
}
