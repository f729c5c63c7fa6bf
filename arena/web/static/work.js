// The puzzle before a visitor's first battle: solved in a worker, as soon as somebody begins to write.
"use strict";
const agonWork = (() => {
  let going = null;
  const solve = (work) => new Promise((done, failed) => {
    const worker = new Worker("./static/puzzle.js");
    const end = (what, value) => { worker.terminate(); what(value); };
    worker.onmessage = ({ data }) => end(done, data);
    worker.onerror = () => end(failed, new Error(agonText("Your browser could not solve the puzzle. Reload the page, or use another browser.")));
    worker.postMessage(work);
  });
  async function post(work) {
    const nonce = await solve(work);
    const body = JSON.stringify({ challenge: work.challenge, nonce });
    const answer = await fetch("./api/work", { method: "POST", headers: { "content-type": "application/json" }, body });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).sentence || agonText("The arena answered with an error ({status}).", { status: answer.status }));
  }
  const work = (found) => (going ??= post(found).finally(() => { going = null; }));
  async function begin() {
    const answer = await fetch("./api/work").catch(() => null);
    const found = answer?.ok ? await answer.json() : null;
    if (found?.needed) await work(found).catch(() => {}); // it is asked for again when a battle begins
  }
  addEventListener("DOMContentLoaded", () => document.getElementById("ag-text")?.addEventListener("focus", begin, { once: true }));
  return work;
})();
