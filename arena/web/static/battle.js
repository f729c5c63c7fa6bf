// The battle page: shows what the server rendered, hears buttons and keys, follows the stream of events.
// It holds no state of a battle but its id, its turn and the right to vote that the server gave.
"use strict";
const agonBattle = (root, host) => {
  const ours = !host;
  host ??= { // our own page: a cookie, an address and a stream of events
    fetch: (path, options) => fetch(path, options),
    events: (battle) => new EventSource(`./api/battles/${battle}/events`),
    remember: (battle, mode) => history.pushState({}, "", battle ? `./?battle=${battle}` : mode === "named" ? "./?mode=named" : "./"),
    asked: () => new URLSearchParams(location.search).get("battle"),
    mode: () => new URLSearchParams(location.search).get("mode"),
    voted: () => {},
  };
  const KEYS = { a: "a", e: "tie", x: "both_bad", b: "b" };
  const at = (id) => document.getElementById(id);
  const place = () => at("ag-view");
  const box = () => at("ag-text");
  let view = null; // the last view from the server
  let stream = null; // the EventSource of the battle that is shown
  const written = {}; // the HTML of each side as the stream has sent it
  let busy = false; // one request at a time: a double click is one click
  let opening = null; // the first request of a page that is the same for everybody: a prompt that was sent before waits for it
  let spoken = {};
  let readable = Infinity; // when both answers were there to be read: keys vote a moment later
  let typed = 0; // when a key with a letter was last pressed
  let meant = 0; // the timer of a key that is a vote unless more keys follow: then somebody is typing
  const READING = 1000, TYPING = 600, ALONE = 300; // milliseconds

  // ---- talking to the server ------------------------------------------------------------------------
  const consent = agonConsent((said) => call(agonConsentPath, said), { rights: !ours });
  const call = agonCalls((path, options) => host.fetch(path, options), say, () => consent.agree());

  async function once(work, again = false) { // again: what goes on by itself once a changed text was agreed to
    if (busy) return;
    busy = true;
    root.dataset.busy = "";
    say("");
    try {
      await work();
    } catch (error) {
      if (!consent.refused(error, again ? () => once(work, again) : null)) say(error.message);
      if (error.code === "unfinished" && view) view.warned = true;
      if (error.code === "no_battle") await begin(box()?.value || "");
      if (error.code === "already_voted" && view?.battle) show(await call(`./api/battles/${view.battle}`));
    } finally {
      busy = false;
      delete root.dataset.busy;
    }
  }

  // ---- what is shown --------------------------------------------------------------------------------
  function say(sentence) {
    const alert = at("ag-alert");
    alert.textContent = sentence;
    alert.hidden = !sentence;
  }

  function announce(sentence) {
    at("ag-live").textContent = sentence;
  }

  function show(next, { remember = false } = {}) {
    const before = view;
    const swiped = place().querySelector(".ag-swipe")?.scrollLeft || 0;
    const focused = place().contains(document.activeElement);
    view = next;
    if (next.chosen) chosen = next.chosen;
    if (next.html !== undefined) { // else the page came with it
      place().innerHTML = next.html;
      at("ag-below").innerHTML = next.below;
    }
    root.dataset.state = next.state;
    consent.show(next.consent, next.state === "empty" || next.state === "ready");
    root.toggleAttribute("data-follow", Boolean(next.may_ask));
    root.toggleAttribute("data-typed", next.state === "empty" && next.typed);
    for (const count of document.querySelectorAll("[data-your-votes]")) {
      count.textContent = next.votes.toLocaleString(`${agonLanguage()}-u-nu-latn`);
      count.parentElement.hidden = !next.votes;
    }
    const ready = next.state === "ready";
    readable = ready ? performance.now() : Infinity;
    for (const button of document.querySelectorAll(".ag-vote")) button.disabled = !ready;
    const many = next.battle && next.sides.length > 2;
    root.toggleAttribute("data-many", Boolean(many));
    hint((many ? OF_MANY : HINTS)[ready && next.seen && next.mode !== "named" ? "seen" : ready && next.uneven ? "uneven" : ready && next.cut ? "cut" : ready && next.mode === "named" ? "named" : ready && next.queued ? "queued" : next.state] || "");
    label(next, many);
    if (ready || next.state === "voted") {
      agonCopy.add(place(), announce, (answer) => next.sides?.[answer.dataset.side]?.text);
    }
    agonBallot.show(next, announce);
    agonAttachments.show(next, announce);
    keys(keysOn());
    const same = before && before.battle === next.battle;
    const swipe = place().querySelector(".ag-swipe");
    if (swipe && same) swipe.scrollLeft = swiped;
    if (before && !same) window.scrollTo(0, 0);
    if (next.state === "voted" || next.state === "void") {
      window.scrollTo(0, 0);
      place().querySelector("h1")?.focus({ preventScroll: true });
    } else if (focused) place().querySelector("h1")?.focus({ preventScroll: true });
    if (ready && before?.state === "streaming") announce(many ? agonText("All answers have ended. You may rank them now.") : agonText("Both answers have ended. You may vote now."));
    if (next.state === "voted") changed(next.battle);
    if (next.state === "voted" && same && before.state !== "voted") host.voted(next);
    if (remember && next.battle) host.remember(next.battle);
    follow();
  }

  const HINTS = {
    ready: agonText("Which answer is better? One vote, and the names are shown."),
    named: agonText("You see the names: a vote here is kept, and does not count."),
    queued: agonText("Which answer is better? The next comparison follows your vote."),
    seen: agonText("An earlier vote told you who wrote this. A vote now is kept, and does not count."),
    cut: agonText("An answer was cut at its limit of length. Judge what is there: a vote says what the model does within it."),
    uneven: agonText("One answer was stopped before its end. You may still vote, or ask again."),
    keeping: agonText("Your vote is being kept …"),
    streaming: agonText("Votes open when both answers have ended. You need not wait: stop both, then vote."),
  };

  const OF_MANY = {
    ready: agonText("Once you send it, the names are shown."),
    named: agonText("You see the names: a ranking here is kept, and does not count."),
    queued: agonText("Once you send it, the next comparison follows."),
    seen: agonText("An earlier vote told you who wrote one of these. A vote now is kept, and does not count."),
    cut: agonText("An answer was cut at its limit of length. Judge what is there: a ranking says what models do within it."),
    uneven: agonText("An answer was stopped before its end. You may still rank, or ask again."),
    keeping: agonText("Your ranking is being kept …"),
    streaming: agonText("Ranking opens when all answers have ended. You need not wait: stop all, then rank."),
  };

  // What the vote changed is computed after it was kept; whatever goes wrong here, the vote stands.
  async function changed(battle) {
    const found = await call(`./api/battles/${battle}/change`).catch(() => null);
    const box = place().querySelector("[data-change]");
    if (box && view.battle === battle) {
      box.innerHTML = found ? found.html
        : `<p class="ag-small ag-mid">${agonText("It cannot be computed now.")} <a href="./leaderboard">${agonText("See the leaderboard")}</a></p>`;
    }
  }

  function hint(sentence) {
    at("ag-hint").textContent = sentence;
    const ballot = place().querySelector("[data-ballot-hint]");
    if (ballot) ballot.textContent = sentence;
  }

  function label(next, many) {
    const follows = next.state === "ready";
    const text = !follows ? agonText("Your prompt") : many ? agonText("Ask all a follow-up") : agonText("Ask both a follow-up");
    root.querySelector("#ag-prompt label").textContent = text;
    box()?.setAttribute("placeholder", !follows ? agonText("Ask anything, in any language") : many ? agonText("Ask all a follow-up, or rank") : agonText("Ask both a follow-up, or vote"));
    at("ag-start").textContent = follows ? (many ? agonText("Ask all") : agonText("Ask both")) : next.mode === "named" ? agonText("Ask them") : agonText("Start the battle");
    if (next.state === "empty") picked(next.mode === "named");
  }

  // Models that were chosen by name: asked again about something else, they stay chosen.
  let chosen = [];
  const pickers = () => [...place().querySelectorAll("[data-chosen]")];
  function picked(named) {
    if (named) pickers().forEach((one, index) => { one.value = chosen[index] || ""; });
  }
  function models() {
    if (view?.mode !== "named") return undefined;
    if (view.state === "empty") chosen = pickers().map((one) => one.value).filter(Boolean);
    return view.chosen || chosen;
  }

  function side(update) {
    const body = place().querySelector(`[data-body="${update.slot}"]`);
    written[update.slot] = (written[update.slot] || "").slice(0, update.keep) + update.html;
    if (!body) return;
    body.innerHTML = written[update.slot];
    const section = body.closest("[data-side]");
    const one = section.querySelector('[data-do="stopone"]');
    if (one) one.disabled = update.status !== "writing";
    section.querySelector(".ag-prog").classList.toggle("ag-on", update.status === "writing");
    for (const word of place().querySelectorAll(`[data-status="${update.slot}"]`)) {
      word.textContent = word.classList.contains("ag-st") ? update.words : update.words.toLowerCase();
    }
    const key = `${view.battle}:${view.turn}:${update.slot}`;
    if (update.status === "finished" && !spoken[key]) {
      spoken[key] = true;
      announce(agonText("Answer {letter} finished", { letter: update.letter }));
    }
  }

  function follow() {
    stream?.close();
    stream = null;
    if (view.state !== "streaming" && view.state !== "keeping") return;
    const battle = view.battle;
    stream = host.events(battle);
    stream.addEventListener("side", (event) => view.battle === battle && side(JSON.parse(event.data)));
    stream.addEventListener("view", (event) => {
      const next = JSON.parse(event.data);
      if (view.battle !== battle) return;
      if (next.state === "streaming" && next.turn === view.turn && !replaced(next)) return;
      show(next);
    });
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) once(async () => show(await call(`./api/battles/${battle}`)));
    });
  }

  function replaced(next) {
    const notes = (html) => (html.match(/class="ag-note"/g) || []).length;
    return notes(next.html) !== place().querySelectorAll(".ag-note").length;
  }

  // ---- what can be done -----------------------------------------------------------------------------
  function fill(text) {
    const area = box();
    if (!area) return;
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const START = { blind: "./api/start", named: "./api/start?mode=named" };
  async function begin(text, images) {
    show(await call(START[view.mode] || START.blind));
    fill(text || "");
    if (images?.length) agonAttachments.fill(images);
  }

  async function start(prompt, images) { // what is attached is of the text in the box, not of an example
    await opening;
    return once(async () => {
      const attached = images || await agonAttachments.sent();
      show(await call("./api/battles", { prompt, images: attached, models: models() }), { remember: true });
      fill("");
      if (!images) agonAttachments.clear();
    });
  }

  async function submit() {
    const { state } = view;
    await opening;
    if (view.state !== state) return; // a battle of before came back meanwhile: the text stays in the box
    const prompt = box()?.value || "";
    if (state === "ready") {
      return once(async () => {
        const images = await agonAttachments.sent();
        show(await call(`./api/battles/${view.battle}/prompts`, { prompt, images }));
        fill("");
        agonAttachments.clear();
      });
    }
    return start(prompt);
  }

  const stop = () => view?.state === "streaming" && once(async () => { await call(`./api/battles/${view.battle}/stop`, {}); });

  const stopone = (button) => once(async () => {
    await call(`./api/battles/${view.battle}/stop`, { slot: Number(button.dataset.slot) });
    announce(agonText("Answer {letter} is stopped, the others go on.", { letter: "ABCDEF"[button.dataset.slot] }));
    place().querySelector("h1")?.focus({ preventScroll: true });
  });

  function vote(ballot) {
    if (view?.state !== "ready") return;
    once(async () => {
      const voted = await call(`./api/battles/${view.battle}/vote`, {
        turn: view.turn, ...ballot, token: view.token, unfinished: Boolean(view.warned),
      });
      if (!voted.queued) return show(voted);
      host.voted(voted);
      let following = voted; // should the next one not come, the vote is what there is to see
      try { following = await call("./api/battles/next", { after: voted.battle }); } finally { came(following); }
    }, true);
  }

  // What comes by itself: it is announced, and the focus is on its heading.
  function came(following) {
    show(following, { remember: true });
    if (!following.battle) host.remember(null, view.mode);
    const heading = place().querySelector("h1");
    heading?.focus({ preventScroll: true });
    announce(heading?.textContent || "");
  }

  // Reasons and comment after the vote: nothing waits for them, and another battle may have begun meanwhile.
  async function remark(form) {
    const battle = view.battle, comment = form.querySelector("textarea").value;
    const reasons = [...form.querySelectorAll("input:checked")].map((one) => one.value);
    const kept = form.querySelector("[data-kept]");
    kept.textContent = "";
    say("");
    try {
      await call(`./api/battles/${battle}/remarks`, { reasons, comment });
      kept.textContent = agonText("Kept");
    } catch (error) {
      if (form.isConnected && !consent.refused(error)) say(error.message);
    }
  }

  const review = (more) => once(async () => came(await call("./api/battles/next", more)));
  const later = () => review({ leave: view.battle });

  function onward() {
    const { review: list } = view;
    return list && list.done < list.total ? review({ after: view.battle }) : next("");
  }

  function next(text, images) {
    return once(async () => {
      await begin(text, images);
      host.remember(null, view.mode);
      box()?.focus();
    });
  }

  function surprise() {
    const prompts = [...document.querySelectorAll('[data-do="example"]')].map((one) => one.dataset.prompt);
    if (prompts.length) start(prompts[Math.floor(Math.random() * prompts.length)], []);
  }

  function others() {
    const all = [...document.querySelectorAll('[data-do="example"]')];
    const first = all.findIndex((one) => !one.hidden);
    const from = first + 6 < all.length ? first + 6 : 0;
    all.forEach((one, index) => { one.hidden = index < from || index >= from + 6; });
  }

  function tab(button) {
    const target = place().querySelector(`[data-side="${button.dataset.slot}"]`);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "nearest", inline: "start" });
    for (const one of place().querySelectorAll('[data-do="tab"]')) one.setAttribute("aria-selected", String(one === button));
  }

  function enlarge(button) {
    const opened = button.closest("[data-side]").classList.toggle("ag-open");
    button.setAttribute("aria-expanded", String(opened));
    button.textContent = opened ? agonText("Close") : agonText("Open");
  }

  function change(link) { // what is written in the box stays
    return once(async () => {
      show(await call(START[link.dataset.mode] || START.blind));
      host.remember(null, view.mode);
      place().querySelector(`[data-mode="${view.mode}"]`)?.focus({ preventScroll: true });
    });
  }

  const DO = {
    stop, stopone, others, tab,
    open: enlarge,
    undo: agonBallot.undo,
    best: agonBallot.best,
    send: () => vote(agonBallot.sent()),
    keys: () => keys(!keysOn()),
    example: (button) => start(button.dataset.prompt, []),
    again: (button) => start(button.dataset.prompt, view.prompt_images),
    edit: (button) => next(button.dataset.prompt, view.prompt_images),
    next: onward,
    start: () => next(""),
    review: () => review({}),
    later,
  };

  // ---- ears -----------------------------------------------------------------------------------------
  place().addEventListener("click", (event) => {
    const link = event.target.closest?.('[data-do="mode"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    change(link);
  });
  place().addEventListener("submit", (event) => {
    if (!event.target.matches("[data-remarks]")) return;
    event.preventDefault();
    remark(event.target);
  });
  place().addEventListener("input", (event) => { // what is changed is not kept yet
    const kept = event.target.closest("[data-remarks]")?.querySelector("[data-kept]");
    if (kept) kept.textContent = "";
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button || !root.contains(button)) return;
    if (button.dataset.do in DO) DO[button.dataset.do](button);
    else if (button.id === "ag-start") submit();
    else if (button.id === "ag-surprise") surprise();
    else if (button.id.startsWith("ag-vote-")) vote({ outcome: button.id.slice("ag-vote-".length) });
    else if (button.id === "ag-keys") keys(!keysOn());
  });

  let quiet = false; // what stays where a browser keeps nothing, as in a frame of another site
  const keysOn = () => { try { return localStorage.getItem("agon-keys") !== "off"; } catch { return !quiet; } };
  function keys(on) {
    quiet = !on;
    try { localStorage.setItem("agon-keys", on ? "on" : "off"); } catch { /* as above */ }
    at("ag-keys").setAttribute("aria-pressed", String(on));
    at("ag-keys").textContent = on ? agonText("Keys A E X B: on") : agonText("Keys A E X B: off");
    root.toggleAttribute("data-nokeys", !on);
    for (const button of document.querySelectorAll('[data-do="keys"]')) {
      button.setAttribute("aria-pressed", String(on));
      button.textContent = on ? agonText("Keys: on") : agonText("Keys: off");
    }
  }

  document.addEventListener("keydown", (event) => {
    if (!root.checkVisibility()) return; // behind another tab of the page that holds it
    if (event.target === box()) {
      if (event.key === "Enter" && !event.isComposing) {
        if (event.shiftKey) return;
        event.preventDefault();
        submit();
      }
      return;
    }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing && !typing.matches("[data-remarks] [type=checkbox]")) return; // a reason is ticked, not typed
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !keysOn()) return;
    const key = agonKey(event);
    const now = performance.now();
    const alone = now - typed > TYPING;
    if (key.length === 1) {
      typed = now;
      clearTimeout(meant);
    }
    if (view?.state === "ready" && view.sides.length > 2) {
      if (now - readable > READING && agonBallot.press(event)) event.preventDefault();
    } else if (view?.state === "ready" && key in KEYS) {
      if (alone && now - readable > READING) meant = setTimeout(() => vote({ outcome: KEYS[key] }), ALONE);
    }
    else if (view?.state === "streaming" && key === "escape") stop();
    else if ((view?.state === "voted" || view?.state === "void") && key === "n") onward();
    else if ((view?.state === "voted" || view?.state === "void") && key === "r" && !view.review) start(view.prompt, view.prompt_images);
  }, true);

  async function open() {
    const battle = host.asked();
    if (battle && /^[0-9a-f]{32}$/.test(battle)) {
      show(await call(`./api/battles/${battle}`));
    } else {
      if (view) view.mode = host.mode?.() || view.mode;
      show(await call(START[view.mode] || START.blind)); // what somebody types meanwhile stays
    }
  }
  addEventListener("popstate", () => once(open));

  show(JSON.parse(root.dataset.view));
  const given = ours && view.state === "empty" && view.typed && /^#prompt=(.+)/.exec(location.hash);
  if (given) { // a link with a prompt: it is read by nobody but this page, and sent when the visitor sends it
    try { fill(decodeURIComponent(given[1])); } catch { /* no text */ }
    history.replaceState({}, "", location.pathname + location.search);
    box()?.focus();
  }
  if (!ours) opening = once(open); // its page is the same for everybody
};
if (document.body?.hasAttribute("data-agon")) agonBattle(document.body);
