// The page of a conversation with one model: sends prompts, follows the answer, keeps nothing.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const root = document.querySelector("[data-chat]");
  const box = at("ag-text"), said = at("ag-said"), model = at("ag-model");
  const stop = root.querySelector("[data-stop]"), fresh = root.querySelector("[data-fresh]");
  const send = root.querySelector("[type=submit]");
  let view = JSON.parse(root.dataset.chat), stream = null, busy = false, asked = "";

  const consent = agonConsent((said) => call(agonConsentPath, said));
  const call = agonCalls((path, options) => fetch(path, options), say, () => consent.agree());
  async function once(work) {
    if (busy) return;
    busy = true;
    say("");
    try { await work(); } catch (error) { if (!consent.refused(error)) say(error.message); } finally { busy = false; }
  }
  function say(sentence) {
    at("ag-alert").textContent = sentence;
    at("ag-alert").hidden = !sentence;
  }

  function show(next) {
    const before = view;
    view = next;
    if (next.html !== undefined) said.innerHTML = next.html;
    const streaming = next.state === "streaming";
    consent.show(next.consent, !streaming);
    model.disabled = Boolean(next.chat);
    if (next.model) model.value = next.model;
    stop.hidden = !streaming;
    fresh.hidden = !next.chat || streaming;
    send.hidden = streaming;
    send.disabled = !next.may_ask && !streaming;
    root.toggleAttribute("data-begun", Boolean(next.chat));
    if (before.state === "streaming" && next.state === "ready") {
      const came = said.lastElementChild?.matches(".ag-answer");
      at("ag-live").textContent = came ? agonText("The answer has ended.") : said.lastElementChild?.textContent || "";
      if (!came && asked && !box.value) box.value = asked;
    }
    if (!streaming) agonCopy.add(said, (sentence) => { at("ag-live").textContent = sentence; });
    follow();
  }

  function follow() {
    stream?.close();
    stream = null;
    if (view.state !== "streaming") return;
    let written = "";
    const body = said.querySelector("[data-writing]"), status = said.querySelector("[data-status]");
    stream = new EventSource(`./api/chats/${view.chat}/events`);
    stream.addEventListener("text", (event) => {
      const update = JSON.parse(event.data);
      written = written.slice(0, update.keep) + update.html;
      body.innerHTML = written;
      status.textContent = update.in_line ? agonText("Number {number} in line", { number: update.in_line }) : written ? agonText("Writing") : agonText("Waiting");
    });
    stream.addEventListener("view", (event) => show(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) once(async () => show(await call(`./api/chats/${view.chat}`)));
    });
  }

  const submit = () => once(async () => {
    const prompt = box.value;
    const next = await call("./api/chats", { prompt, model: model.value, chat: view.chat });
    const begun = !view.chat;
    asked = prompt;
    box.value = "";
    show(next);
    if (begun) history.pushState({}, "", `./chat?chat=${next.chat}`);
    said.lastElementChild?.scrollIntoView({ block: "nearest" });
  });
  const end = () => view.state === "streaming" && once(async () => { await call(`./api/chats/${view.chat}/stop`, {}); });

  at("ag-ask").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  stop.addEventListener("click", end);
  fresh.addEventListener("click", () => { location.href = "./chat"; });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return end();
    if (event.target === box && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (view.state !== "streaming") submit();
    }
  });
  addEventListener("popstate", () => location.reload());
  show(view);
})();
