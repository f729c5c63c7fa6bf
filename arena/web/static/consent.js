// The box with what a visitor is asked to agree to: it stands at the prompt until they agreed, and what is ticked in it goes
// ahead of what they send next. What is asked, and whether they agreed, is the server's to say.
"use strict";
const agonConsent = (post, { rights = false } = {}) => { // post sends to /api/consent; rights: the page has no other to take it back on
  const at = (id) => document.getElementById(id);
  const box = at("ag-consent"), text = at("ag-consenttext"), tick = at("ag-agree"), why = at("ag-consentwhy"), go = at("ag-consentgo");
  let asked = null; // what the server asked last
  let open = false; // whether something can be sent
  let again = null; // what was refused, and goes on once they agreed

  const chosen = () => asked.texts.find((one) => one.language === agonLanguage()) || asked.texts.find((one) => one.language === "en") || asked.texts[0];

  function settle() {
    again = null;
    tick.checked = false;
    why.hidden = go.hidden = true;
  }

  // What the server says with each state of a page; `wanted` where something can be sent now, `calm` where nothing is being done.
  function show(consent, wanted, calm = wanted) {
    asked = consent;
    open = wanted;
    at("ag-agreed").hidden = !(rights && asked?.agreed && calm);
    if (!asked || asked.agreed) {
      box.hidden = true;
      return settle();
    }
    const one = chosen();
    if (box.dataset.sha !== one.sha256) { // another text wants another tick
      settle();
      box.dataset.sha = one.sha256;
      text.innerHTML = one.html;
      text.lang = one.language;
    }
    box.hidden = !wanted && why.hidden;
  }

  // Ahead of whatever is sent: what is ticked. Nothing is sent while the box waits for it.
  async function agree() {
    if (box.hidden) return;
    if (!tick.checked) { // the server would say no more, and need not see a prompt for it
      const error = new Error(agonText("Nothing was sent or kept: this arena asks you to agree to its text first."));
      throw Object.assign(error, { code: "no_consent", consent: asked });
    }
    show(await post({ text: box.dataset.sha, given: true }), true);
  }

  // Whether an error says that they did not agree: then the box says so, and the focus is there.
  function refused(error, more = null) {
    if (error.code !== "no_consent") return false;
    show({ ...error.consent, agreed: false }, true);
    why.textContent = error.message;
    why.hidden = false;
    again = more;
    go.hidden = !again;
    box.scrollIntoView({ block: "nearest" });
    tick.focus({ preventScroll: true });
    return true;
  }

  go.addEventListener("click", () => {
    if (!tick.checked) return tick.focus();
    const more = again;
    again = null;
    more?.();
  });
  at("ag-takeback").addEventListener("click", async () => {
    try {
      show(await post({ text: chosen().sha256, given: false }), open);
      if (open) return tick.focus();
      at("ag-agreed").hidden = false; // nothing can be sent here any more that would ask again
      at("ag-agreed").textContent = agonText("It is taken back. Nothing more of yours is kept or sent until you agree again. Your votes stay as they are.");
    } catch { /* it stays as it was, and can be asked again */ }
  });
  return { show, agree, refused };
};
