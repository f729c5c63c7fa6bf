// The sentences of scripts in the language of the page: in English they stand in the scripts, in other languages the server
// writes them into data-texts. `make translations` finds them by the name of this function.
"use strict";
const agonText = (text, values = {}) => {
  agonText.texts ??= JSON.parse(document.querySelector("[data-texts]")?.dataset.texts || "{}");
  return (agonText.texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
};
// The language of the page, or of what holds us in somebody else's.
const agonLanguage = () => (document.querySelector("[data-texts]")?.closest("[lang]") ?? document.documentElement).lang || "en";
// Letters and numbers after each other, with the comma of the language.
const agonList = (items) => items.join({ ar: "، ", zh: "，" }[agonLanguage()] ?? ", ");
// The Latin letter on a key, whatever alphabet the keyboard writes.
const agonKey = (event) => {
  const key = event.key.toLowerCase();
  return /^[^\x00-\x7f]$/.test(key) && /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : key;
};
