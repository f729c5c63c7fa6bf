// Buttons that copy an answer, as its model wrote it, or one of its blocks of code. They are there once the answer is whole.
"use strict";
const agonCopy = (() => {
  const SAID = 2000; // milliseconds for which a button says that it has copied
  const ICON = '<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" aria-hidden="true"><rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M3.5 10.5h-.5a.5.5 0 0 1-.5-.5V3a.5.5 0 0 1 .5-.5h7a.5.5 0 0 1 .5.5v.5"/></svg>';

  async function copy(text) {
    if (navigator.clipboard) {
      try { return void await navigator.clipboard.writeText(text); } catch { /* not allowed: the old way may be */ }
    }
    const area = Object.assign(document.createElement("textarea"), { value: text }); // without https there is no clipboard
    const before = document.activeElement;
    area.className = "ag-sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    if (!done) throw new Error();
  }

  function button(label, html, textOf, announce) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "ag-copy";
    made.setAttribute("aria-label", label);
    made.innerHTML = html;
    made.addEventListener("click", async () => {
      let said = agonText("Copied");
      try { await copy(textOf()); } catch { said = agonText("It could not be copied. Select it, and copy by hand."); }
      announce(said);
      made.textContent = said;
      setTimeout(() => { made.innerHTML = html; }, SAID);
    });
    return made;
  }

  // To every answer below `place`, `written` gives the text of one by its place in the page.
  function add(place, announce, written = () => undefined) {
    place.querySelectorAll(".ag-answer").forEach((answer) => {
      const body = answer.querySelector(".ag-body"), bar = answer.querySelector(".ag-bar");
      if (!body || answer.querySelector(".ag-copy") || !body.innerText.trim()) return;
      const whole = written(answer) ?? body.innerText.trim();
      if (bar) bar.querySelector("h2").after(button(agonText("Copy this answer"), ICON, () => whole, announce));
      for (const code of body.querySelectorAll("pre")) {
        const around = document.createElement("div");
        around.className = "ag-code";
        code.replaceWith(around);
        const text = code.textContent.replace(/\n$/, "");
        around.append(code, button(agonText("Copy this code"), `<span>${agonText("Copy")}</span>`, () => text, announce));
      }
    });
  }
  return { add };
})();
