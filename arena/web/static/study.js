// The page of a voter in a study: shows what the server rendered, follows the answers, sends one judgement a task.
// What was begun and not sent is kept in this browser; where a voter stands is the server's.
"use strict";
(() => {
  const WORDS = { waiting: agonText("Waiting"), writing: agonText("Writing"), finished: agonText("Finished"), stopped: agonText("Stopped"), failed: agonText("Failed") };
  const KEYS = { a: "a", e: "tie", x: "both_bad", b: "b" };
  const at = (id) => document.getElementById(id);
  const all = (selector, root = at("ag-view")) => [...root.querySelectorAll(selector)];
  const form = () => at("ag-view").querySelector("[data-judge]");
  let view = null; // the last view from the server
  let stream = null;
  const written = {}; // the HTML of each side as the stream has sent it
  let busy = false; // one request at a time: a double click is one click

  // ---- talking to the server --------------------------------------------------------------------------
  const CONSENT = "./api/consent";
  const consent = agonConsent((said) => call("", said, CONSENT), { rights: true });
  async function call(path, body, whole = `./api/study${path}`) {
    if (body !== undefined && whole !== CONSENT) await consent.agree();
    let answer;
    try {
      answer = await fetch(whole, body === undefined ? {} : {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
      });
    } catch {
      throw new Error(agonText("The study cannot be reached. Nothing was lost: try again."));
    }
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(data.sentence || agonText("The study answered with an error ({status}).", { status: answer.status })), { code: data.error, consent: data.consent });
    return data;
  }

  async function once(work, again = false) { // again: what goes on by itself once a changed text was agreed to
    if (busy) return;
    busy = true;
    document.body.dataset.busy = "";
    say("");
    try {
      await work();
    } catch (error) {
      if (!consent.refused(error, again ? () => once(work, again) : null)) say(error.message);
      if (error.code === "unfinished") view.warned = true;
      if (error.code === "no_battle" || error.code === "already_voted") show(await call("/next", {}).catch(() => view));
    } finally {
      busy = false;
      delete document.body.dataset.busy;
    }
  }

  function say(sentence) {
    at("ag-alert").textContent = sentence;
    at("ag-alert").hidden = !sentence;
  }
  const announce = (sentence) => { at("ag-live").textContent = sentence; };

  // ---- what is shown ----------------------------------------------------------------------------------
  function show(next) {
    const before = view;
    view = next;
    at("ag-view").after(at("ag-consent")); // out of what is replaced, and before the first button
    at("ag-view").innerHTML = next.html;
    at("ag-view").querySelector("[data-consenthere]")?.append(at("ag-consent"));
    const open = next.state === "intro" || next.state === "ready";
    consent.show(next.consent, open, open || next.state === "thanks");
    document.body.dataset.state = next.state;
    const same = before && before.battle === next.battle;
    if (!same) {
      scrollTo(0, 0);
      at("ag-view").querySelector("h1")?.focus({ preventScroll: true });
      announce(next.said || "");
    } else if (next.state === "ready") announce(agonText("All answers have ended. You may judge them now."));
    if (form()) {
      agonBallot.show(next, announce);
      const hint = at("ag-view").querySelector("[data-ballot-hint]");
      if (hint) hint.textContent = next.state === "ready" ? agonText("Rank the answers, then answer what is below them.") : agonText("Ranking opens when all answers have ended.");
      restore();
      missing();
    }
    follow();
  }

  function side(update) {
    const body = at("ag-view").querySelector(`[data-body="${update.slot}"]`);
    written[update.slot] = (written[update.slot] || "").slice(0, update.keep) + update.html;
    if (!body) return;
    body.innerHTML = written[update.slot];
    body.closest("[data-side]").querySelector(".ag-prog").classList.toggle("ag-on", update.status === "writing");
    for (const word of all(`[data-status="${update.slot}"]`)) {
      word.textContent = word.classList.contains("ag-st") ? WORDS[update.status] : WORDS[update.status].toLowerCase();
    }
  }

  function follow() {
    stream?.close();
    stream = null;
    if (view.state !== "streaming" && view.state !== "keeping") return;
    const battle = view.battle;
    stream = new EventSource(`./api/study/${battle}/events`);
    stream.addEventListener("side", (event) => view.battle === battle && side(JSON.parse(event.data)));
    stream.addEventListener("view", (event) => {
      const next = JSON.parse(event.data);
      if (view.battle === battle && (next.state !== "streaming" || next.standing.length !== view.standing.length)) show(next);
    });
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) once(async () => show(await call(`/${battle}`)));
    });
  }

  // ---- the judgement ----------------------------------------------------------------------------------
  const many = () => view.sides.length > 2;
  const picked = (name) => form().querySelector(`input[name="${name}"]:checked`)?.value;
  function judged() {
    const groups = all('[role="radiogroup"]', form());
    return {
      open: groups.filter((group) => !group.querySelector("input:checked")).map((group) => [...group.firstElementChild.childNodes].filter((one) => one.nodeName !== "SMALL").map((one) => one.textContent).join("").trim().replace(/\s+/g, " ").replace(/\s*[?？؟]$/, "").replace(/^¿/, "")),
      ballot: many() ? agonBallot.sent() : { outcome: picked("outcome") },
      criteria: Object.fromEntries(all("[data-criterion]:checked", form()).map((one) => [one.dataset.criterion, one.value])),
      ratings: all("[data-rating]:checked", form()).map((one) => Number(one.value)),
      reasons: all("[data-reason]:checked", form()).map((one) => one.dataset.reason),
    };
  }
  function missing() {
    const { open, ballot } = judged();
    if (many() && !ballot.places.some(Boolean)) open.unshift(agonText("the ranking"));
    const sentence = view.state !== "ready" ? agonText("Opens when all answers have ended.") : open.length > 2 ? agonText("{count} questions are open.", { count: open.length }) : open.length ? agonText("Open: {questions}", { questions: open.join("; ") }) : "";
    form().querySelector("[data-missing]").textContent = sentence;
    return open;
  }
  function send() {
    if (view.state !== "ready") return;
    const { ballot, criteria, ratings, reasons } = judged();
    const open = missing();
    if (open.length) {
      say(`${agonText("Not sent yet.")} ${form().querySelector("[data-missing]").textContent}`);
      return;
    }
    const rated = form().querySelector("[data-rating]");
    once(async () => {
      show(await call("/vote", {
        battle: view.battle, turn: view.turn, token: view.token, ...ballot, criteria, reasons,
        ratings: rated ? ratings : null, comment: at("ag-comment")?.value || null, unfinished: Boolean(view.warned),
      }));
      forget();
    }, true);
  }
  function skip() {
    const reason = at("ag-skip").value.trim();
    if (!reason) { at("ag-skip").focus(); return say(agonText("Say why you skip it.")); }
    once(async () => { show(await call("/skip", { battle: view.battle, reason })); forget(); });
  }

  // What was ticked and written, until it is sent: a browser that is closed loses nothing.
  const DRAFT = "agon-study";
  const key = () => `${view.battle}:${location.pathname}`;
  function keep() {
    const boxes = all("input:checked", form()).map((one) => [one.name, one.value]);
    try { localStorage.setItem(DRAFT, JSON.stringify({ key: key(), boxes, comment: at("ag-comment")?.value || "" })); } catch { /* full, or not allowed */ }
  }
  function restore() {
    let kept = {};
    try { kept = JSON.parse(localStorage.getItem(DRAFT) || "{}"); } catch { /* nobody's */ }
    if (kept.key !== key()) return;
    for (const [name, value] of kept.boxes) {
      for (const one of all("input", form())) if (one.name === name && one.value === value) one.checked = true;
    }
    if (at("ag-comment")) at("ag-comment").value = kept.comment;
  }
  function forget() {
    if (!form()) try { localStorage.removeItem(DRAFT); } catch { /* as above */ }
  }

  // ---- ears -------------------------------------------------------------------------------------------
  const DO = {
    next: () => once(async () => show(await call("/next", {}))),
    stop: () => view.state === "streaming" && once(async () => { await call(`/${view.battle}/stop`, {}); }),
    skip,
    undo: agonBallot.undo,
    best: agonBallot.best,
    send,
    tab: (button) => {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      at("ag-view").querySelector(`[data-side="${button.dataset.slot}"]`)?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "nearest", inline: "start" });
      for (const one of all('[data-do="tab"]')) one.setAttribute("aria-selected", String(one === button));
    },
    open: (button) => {
      const opened = button.closest("[data-side]").classList.toggle("ag-open");
      button.setAttribute("aria-expanded", String(opened));
      button.textContent = opened ? agonText("Close") : agonText("Open");
    },
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (button && button.dataset.do in DO) DO[button.dataset.do](button);
    if (form() && event.target.closest?.("[data-ballot]")) missing();
  });
  document.addEventListener("input", (event) => {
    if (!form()?.contains(event.target)) return;
    keep();
    missing();
  });
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "ag-skip" && event.key === "Enter") { event.preventDefault(); return skip(); }
    if (event.target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !form()) return;
    const name = agonKey(event);
    if (view.state === "streaming" && name === "escape") return DO.stop();
    if (view.state !== "ready") return;
    if (many()) {
      if (agonBallot.press(event)) { event.preventDefault(); missing(); }
    } else if (name in KEYS) {
      form().querySelector(`input[name="outcome"][value="${KEYS[name]}"]`).click();
    } else if (name === "enter" && !event.target.closest?.("button, a, summary")) {
      event.preventDefault();
      send();
    }
  });

  once(async () => show(await call("")));
})();
