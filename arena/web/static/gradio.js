// What a panel of Agon is given where Gradio serves it: the way to the server by its component's functions, a memory in
// this browser instead of a cookie and an address, and events for Python. Runs as its js_on_load.
"use strict";
const agonHost = (server, trigger) => {
  const kept = (store, key, value) => { // a frame of another site may have no storage: then it lasts as long as the page
    try {
      if (value) store().setItem(key, value);
      else if (value === null) store().removeItem(key);
      return store().getItem(key);
    } catch { return undefined; }
  };
  let session = kept(() => localStorage, "agon-session") || "", battle = null;

  // Images travel to and from addresses of ours, and there is none here.
  const without = (data) => ("images" in data ? { ...data, images: 0 } : data);

  async function ask(path, body) {
    const answer = await server.agon_ask({ path: path.replace(/^\./, ""), body: body ?? null, session });
    if (answer.session) {
      session = answer.session;
      kept(() => localStorage, "agon-session", session);
    }
    return answer;
  }

  // The events of a battle, asked for again and again: each answer holds what changed since the one before.
  class Events extends EventTarget {
    constructor(id) {
      super();
      this.readyState = EventSource.OPEN;
      this.follow(id, { revision: -1, sides: [] });
    }
    close() { this.readyState = EventSource.CLOSED; }
    async follow(id, seen) {
      for (let failures = 0; this.readyState !== EventSource.CLOSED;) {
        try {
          const news = await server.agon_events({ battle: id, session, seen });
          failures = 0;
          seen = news.seen;
          for (const [kind, data] of news.events) {
            if (this.readyState === EventSource.CLOSED) return;
            this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
          }
          if (!news.over) continue;
        } catch {
          if (++failures < 5) { await new Promise((later) => setTimeout(later, 500 * failures)); continue; }
        }
        if (this.readyState === EventSource.CLOSED) return;
        this.close();
        this.dispatchEvent(new Event("error"));
      }
    }
  }

  return {
    fetch: async (path, options = {}) => {
      const answer = await ask(path, options.body === undefined ? null : JSON.parse(options.body));
      return { ok: answer.status < 400, status: answer.status, json: async () => without(JSON.parse(answer.text)) };
    },
    events: (id) => new Events(id),
    remember: (id) => { battle = id; kept(() => sessionStorage, "agon-battle", id); },
    asked: () => kept(() => sessionStorage, "agon-battle") ?? battle,
    voted: (view) => trigger("voted", { battle: view.battle, counted: view.counted, models: view.models, outcome: view.outcome }),
  };
};

// Links and forms of a page become an event with the address: a handler in Python answers with what is there.
const agonLinks = (element, trigger) => {
  const go = (event, address) => {
    if (!address?.startsWith("./")) return;
    event.preventDefault();
    trigger("opened", { address });
  };
  element.addEventListener("click", (event) => go(event, event.target.closest?.("a[href]")?.getAttribute("href")));
  element.addEventListener("submit", (event) => {
    const fields = new URLSearchParams(new FormData(event.target, event.submitter));
    go(event, `${event.target.getAttribute("action")}?${fields}`);
  });
};
