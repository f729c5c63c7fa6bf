// The ranking of three to six answers: what the voter has put where, until it is sent. The rules of a ballot are
// the server's; here stand the moves, by tap, drag and key, what is read out of each, and the way back.
"use strict";
const agonBallot = (() => {
  const LINE = "line"; // what stands below it is not acceptable
  const HELP = () => agonText("Tap the answers from best to worst. Only the best is fine, too.");
  let state = null; // { order: groups of slots and the line, best first; rest: slots without a place }
  let past = [];
  let picked = null; // a slot, or the line
  let standing = [], key = "", open = false, say = () => {};

  const root = () => document.querySelector("[data-ballot]");
  const letter = (slot) => "ABCDEF"[slot];
  const copy = (one) => JSON.parse(JSON.stringify(one));
  const groups = () => state.order.filter((one) => one !== LINE);
  const where = (slot) => state.order.findIndex((one) => one !== LINE && one.includes(slot));
  const place = (slot) => groups().findIndex((one) => one.includes(slot)) + 1; // 0: none
  const below = (index) => index > state.order.indexOf(LINE);
  const kept = (one) => { try { if (one) sessionStorage.setItem("agon-ballot", one); return sessionStorage.getItem("agon-ballot"); } catch { return null; } };

  // ---- the moves: each changes the state, or nothing --------------------------------------------------
  function out(slot) {
    const group = state.order[where(slot)];
    group?.splice(group.indexOf(slot), 1);
    state.order = state.order.filter((one) => one === LINE || one.length);
    state.rest = state.rest.filter((other) => other !== slot);
  }
  function put(slot, index) {
    const before = state.order[index]; // a group or the line that it will stand above
    out(slot);
    const at = state.order.indexOf(before);
    state.order.splice(before === undefined ? state.order.length : at < 0 ? index : at, 0, [slot]);
  }
  function last(slot) {
    out(slot);
    const open_end = state.order.at(-1) === LINE;
    state.order.splice(state.order.length - (open_end ? 1 : 0), 0, [slot]);
  }
  function shift(slot, by) {
    if (where(slot) < 0) return last(slot);
    const at = where(slot), group = state.order[at];
    if (group.length > 1) {
      group.splice(group.indexOf(slot), 1);
      state.order.splice(by < 0 ? at : at + 1, 0, [slot]);
    } else if (state.order[at + by] !== undefined) [state.order[at], state.order[at + by]] = [state.order[at + by], group];
  }
  function shiftLine(by) {
    const at = state.order.indexOf(LINE);
    if (state.order[at + by] !== undefined) [state.order[at], state.order[at + by]] = [state.order[at + by], LINE];
  }
  function tie(slot, other) {
    if (other === slot) return;
    out(slot);
    const group = state.order[where(other)];
    group.push(slot);
    group.sort();
  }
  function tieAbove(slot) {
    const above = where(slot) < 0 ? groups().at(-1) : groups()[place(slot) - 2];
    if (above) tie(slot, above[0]);
    else if (where(slot) < 0) last(slot);
  }
  function nth(slot, number) {
    const others = groups().map((one) => one.filter((other) => other !== slot)).filter((one) => one.length);
    const next = others[number - 1];
    if (!next) return last(slot);
    out(slot);
    state.order.splice(where(next[0]), 0, [slot]);
  }
  const back = (slot) => { out(slot); state.rest = [...state.rest, slot].sort(); };
  function best() {
    const top = groups()[0];
    state = { order: [[...top], LINE], rest: standing.filter((slot) => !top.includes(slot)) };
  }

  // ---- what a move does to the page -------------------------------------------------------------------
  function change(move, about) {
    if (!open) return;
    const before = copy(state);
    move();
    if (JSON.stringify(before) === JSON.stringify(state)) return say(agonText("That changes nothing."));
    past.push(before);
    draw();
    say(about === LINE ? lineWords() : about === undefined ? reads() : words(about));
  }
  function undo() {
    if (!open || !past.length) return;
    state = past.pop();
    draw();
    say(`${agonText("Undone.")} ${reads()}`);
  }
  function pick(one, off = picked === one) { // a second tap lets it go; a key never does
    if (!open) return;
    picked = off ? null : one;
    draw();
    if (picked === null) say(agonText("Nothing is picked."));
    else say(one === LINE ? `${agonText("The line is picked.")} ${lineWords()}` : `${agonText("{letter} is picked.", { letter: letter(one) })} ${words(one)}`);
  }

  function words(slot) {
    const name = letter(slot);
    if (!place(slot)) return agonText("{letter} has no place.", { letter: name });
    const tied = groups()[place(slot) - 1].filter((other) => other !== slot).map(letter);
    const values = { letter: name, place: place(slot), places: groups().length, tied: new Intl.ListFormat(agonLanguage()).format(tied) };
    if (tied.length && below(where(slot))) return agonText("{letter} is in place {place} of {places}, tied with {tied}, not acceptable.", values);
    if (tied.length) return agonText("{letter} is in place {place} of {places}, tied with {tied}.", values);
    if (below(where(slot))) return agonText("{letter} is in place {place} of {places}, not acceptable.", values);
    return agonText("{letter} is in place {place} of {places}.", values);
  }
  function lineWords() {
    const bad = state.order.slice(state.order.indexOf(LINE) + 1).flat().map(letter);
    return bad.length ? agonText("Not acceptable: {letters}.", { letters: agonList([...bad, ...state.rest.map(letter)]) }) : agonText("Nothing is below the line.");
  }
  function reads() {
    if (!groups().length) return HELP();
    const order = groups().map((one) => one.map(letter).join(" = ")).join(" > ");
    const left = agonList(state.rest.map(letter));
    const bad = state.order.at(-1) !== LINE ? ` ${lineWords()}` : "";
    const said = left ? agonText("Reads as {order}, above {left}.", { order, left }) : agonText("Reads as {order}.", { order });
    return `${said}${state.rest.length > 1 ? ` ${agonText("{letters} are not compared.", { letters: left })}` : ""}${bad}`;
  }

  // ---- drawing ----------------------------------------------------------------------------------------
  const off = () => (open ? "" : " disabled");
  const badge = (slot) => `<span class="ag-badge ag-${letter(slot).toLowerCase()} ag-sm" aria-hidden="true">${letter(slot)}</span>`;
  const GRIP = '<svg class="ag-grip" data-grip width="10" height="16" viewBox="0 0 10 16" fill="currentColor" aria-hidden="true">' +
    [3, 8, 13].map((y) => `<circle cx="2.5" cy="${y}" r="1.2"/><circle cx="7.5" cy="${y}" r="1.2"/>`).join("") + "</svg>";
  const MARKS = { up: '<path d="m3 10 5-5 5 5"/>', down: '<path d="m3 6 5 5 5-5"/>', equal: '<path d="M3 6h10M3 10h10"/>', back: '<path d="m4 4 8 8m0-8-8 8"/>' };
  const move = (what, slot, label) => `<button type="button" data-move="${what}" data-slot="${slot}" aria-label="${label}" title="${label}"${off()}><svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true">${MARKS[what]}</svg></button>`;

  function item(slot) {
    const name = letter(slot), placed = place(slot) > 0, on = picked === slot;
    const moves = placed
      ? move("equal", slot, agonText("Tie {letter} with the one above", { letter: name })) + move("up", slot, agonText("Move {letter} up", { letter: name })) + move("down", slot, agonText("Move {letter} down", { letter: name })) + move("back", slot, agonText("Take {letter} out", { letter: name }))
      : "";
    const label = placed ? agonText("Pick answer {letter}", { letter: name }) : agonText("Answer {letter}: give it the next place", { letter: name });
    return `<div class="ag-it ag-${name.toLowerCase()}${on ? " ag-on" : ""}" data-item="${slot}">${GRIP}` +
      `<button type="button" class="ag-itname" data-move="${placed ? "pick" : "add"}" data-slot="${slot}" aria-label="${label}"${placed ? ` aria-pressed="${on}"` : ""}${off()}>${badge(slot)}<span class="ag-gist" data-gist="${slot}"></span></button>` +
      `<span class="ag-mv">${moves}</span></div>`;
  }
  function rows() {
    let number = 0;
    const made = state.order.map((one, index) => {
      if (one === LINE) {
        return `<li class="ag-lineacc${picked === LINE ? " ag-on" : ""}" data-index="${index}" data-item="line">${GRIP}` +
          `<button type="button" class="ag-itname" data-move="pick" data-slot="line" aria-pressed="${picked === LINE}" aria-keyshortcuts="-"${off()}>${agonText("Not acceptable below this line")}</button>` +
          `<span class="ag-mv">${move("up", LINE, agonText("Move the line up"))}${move("down", LINE, agonText("Move the line down"))}</span></li>`;
      }
      number += 1;
      return `<li class="ag-place${below(index) ? " ag-below" : ""}" data-index="${index}"><div class="ag-p"><b>${number}</b>${one.length > 1 ? `<span>${agonText("tied")}</span>` : ""}</div><div class="ag-its">${one.map(item).join("")}</div></li>`;
    });
    if (!number) made.unshift(`<li class="ag-place ag-none" data-index="0"><div class="ag-p"><b>1</b></div><div class="ag-its"><div class="ag-it ag-empty-it">${agonText("The best answer comes here")}</div></div></li>`);
    if (state.rest.length) made.push(`<li class="ag-tray" data-index="rest"><div class="ag-label">${agonText("No place yet")}</div><div class="ag-its">${state.rest.map(item).join("")}</div></li>`);
    return made.join("");
  }
  function strip() {
    const chip = (slot) => {
      const placed = place(slot) > 0, name = letter(slot);
      return `<button type="button" class="ag-ballotchip${placed ? "" : " ag-dash"}${picked === slot ? " ag-on" : ""}" data-move="${placed ? "pick" : "add"}" data-slot="${slot}" aria-label="${placed ? words(slot) : agonText("Answer {letter}: give it the next place", { letter: name })}"${placed ? ` aria-pressed="${picked === slot}"` : ""}${off()}>${badge(slot)}</button>`;
    };
    let first = true;
    const made = state.order.map((one, index) => {
      if (one === LINE) return index === state.order.length - 1 ? "" : '<i class="ag-cut" aria-hidden="true"></i>';
      const sign = first || state.order[index - 1] === LINE ? "" : '<span aria-hidden="true">›</span>';
      first = false;
      return sign + one.map(chip).join('<span aria-hidden="true">=</span>');
    });
    return made.join("") + (state.rest.length ? `${groups().length ? '<span class="ag-stripgap"></span>' : ""}${state.rest.map(chip).join("")}` : "");
  }
  function draw() {
    const panel = root(), focused = document.activeElement, held = panel.contains(focused) ? focused.dataset : {};
    panel.querySelector("[data-places]").innerHTML = rows();
    panel.querySelector("[data-strip]").innerHTML = strip();
    panel.querySelector("[data-reads]").textContent = open ? reads() : "";
    for (const gist of panel.querySelectorAll("[data-gist]")) {
      const body = document.querySelector(`[data-body="${gist.dataset.gist}"]`);
      gist.textContent = open ? (body?.textContent || "").trim().replace(/\s+/g, " ").slice(0, 90) : "";
    }
    const some = groups().length > 0;
    panel.querySelector('[data-do="undo"]').disabled = !open || !past.length;
    panel.querySelector('[data-do="best"]').disabled = !open || groups().length < 2 || groups()[0].length > 1;
    panel.querySelector('[data-do="send"]').disabled = !open || !some;
    panel.querySelector("[data-send]").textContent = some && groups().length === 1 && state.rest.length ? agonText("Send just the best") : agonText("Send ranking");
    if (held.move) {
      const same = panel.querySelector(`[data-move="${held.move}"][data-slot="${held.slot}"]`);
      (same || panel.querySelector(`.ag-itname[data-slot="${held.slot}"]`))?.focus({ preventScroll: true });
    }
    if (open) kept(JSON.stringify({ key, state }));
  }

  // ---- dragging: a pointer takes hold of an item or the line; what is under it decides ----------------
  let drag = null;
  function under(y) {
    for (const row of root().querySelectorAll("[data-index]")) {
      const box = row.getBoundingClientRect();
      if (row === drag.one || y < box.top || y > box.bottom) continue;
      const part = (y - box.top) / box.height;
      const middle = row.classList.contains("ag-place") && !row.classList.contains("ag-none") && drag.what !== LINE && part > 0.25 && part < 0.75;
      return { row, how: row.dataset.index === "rest" || row.classList.contains("ag-none") ? "in" : middle ? "tie" : part < 0.5 ? "before" : "after" };
    }
    return null;
  }
  function mark(target) {
    for (const row of root().querySelectorAll("[data-drop]")) delete row.dataset.drop;
    if (target) target.row.dataset.drop = target.how;
  }
  document.addEventListener("pointerdown", (event) => {
    const one = event.target.closest?.("[data-ballot] [data-item]");
    if (!one || !open || event.button || event.target.closest("[data-move]:not(.ag-itname)")) return;
    if (event.pointerType !== "mouse" && !event.target.closest("[data-grip]")) return; // a finger on the text scrolls
    drag = { one, what: one.dataset.item === LINE ? LINE : Number(one.dataset.item), x: event.clientX, y: event.clientY, id: event.pointerId, going: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.going && Math.hypot(x, y) < 6) return;
    if (!drag.going) drag.one.classList.add("ag-drag");
    drag.going = true;
    drag.one.style.transform = `translate(${x}px, ${y}px)`;
    mark(under(event.clientY));
  });
  function drop(event) {
    if (!drag || event.pointerId !== drag.id) return;
    const { one, what, going } = drag;
    const target = event.type === "pointerup" && going ? under(event.clientY) : null;
    one.classList.remove("ag-drag");
    one.style.transform = "";
    mark(null);
    drag = null;
    if (!going) return;
    const swallow = (click) => { click.stopPropagation(); click.preventDefault(); }; // the end of a drag is no tap
    addEventListener("click", swallow, true);
    setTimeout(() => removeEventListener("click", swallow, true), 0);
    if (!target) return;
    const { row, how } = target, index = Number(row.dataset.index);
    change(() => {
      if (what === LINE) {
        if (Number.isNaN(index)) return;
        const before = state.order[how === "before" ? index : index + 1];
        if (before === LINE) return;
        state.order = state.order.filter((other) => other !== LINE);
        const at = before === undefined ? state.order.length : state.order.indexOf(before);
        state.order.splice(at, 0, LINE);
      } else if (row.dataset.index === "rest") back(what);
      else if (how === "in") last(what);
      else if (how === "tie") {
        const other = state.order[index].find((slot) => slot !== what);
        if (other !== undefined) tie(what, other);
      } else put(what, how === "before" ? index : index + 1);
    }, what);
  }
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", drop);

  // ---- taps and keys ----------------------------------------------------------------------------------
  const MOVES = {
    pick: (one) => pick(one),
    add: (slot) => change(() => last(slot), slot),
    back: (slot) => change(() => back(slot), slot),
    equal: (slot) => change(() => tieAbove(slot), slot),
    up: (one) => change(() => (one === LINE ? shiftLine(-1) : shift(one, -1)), one),
    down: (one) => change(() => (one === LINE ? shiftLine(1) : shift(one, 1)), one),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-ballot] [data-move]");
    if (button) MOVES[button.dataset.move](button.dataset.slot === LINE ? LINE : Number(button.dataset.slot));
  });

  // A key of somebody who could read the answers and does not type; returns whether it meant something here.
  function press(event) {
    if (!open) return false;
    const name = agonKey(event), slot = "abcdef".indexOf(name);
    if (name.length === 1 && standing.includes(slot)) pick(slot, false);
    else if (name === "-") pick(LINE, false);
    else if (name === "u") undo();
    else if (name === "escape" && picked !== null) pick(picked, true);
    else if (name === "enter") {
      if (event.target.closest?.("button, a, summary") || !groups().length) return false;
      root().querySelector('[data-do="send"]').focus();
      say(`${reads()} ${agonText("Press Enter to send it.")}`);
    } else if (picked === null) {
      if (!/^[1-6=]$/.test(name)) return false;
      say(agonText("Pick an answer first: {letters}.", { letters: agonList(standing.map(letter)) }));
    } else if (name === "arrowup") MOVES.up(picked);
    else if (name === "arrowdown") MOVES.down(picked);
    else if (picked === LINE) return false;
    else if (/^[1-6]$/.test(name)) change(() => nth(picked, Number(name)), picked);
    else if (name === "=") MOVES.equal(picked);
    else if (name === "backspace" || name === "delete") MOVES.back(picked);
    else return false;
    return true;
  }

  // The panel of a new view: empty, or as it was before the page was loaded again.
  function show(view, speak) {
    if (!root()) return;
    say = speak;
    open = view.state === "ready";
    standing = view.standing;
    const now = `${view.battle}:${view.turn}:${standing}`;
    if (now !== key || !state) {
      key = now;
      past = [];
      picked = null;
      const found = JSON.parse(kept() || "{}");
      state = found.key === key ? found.state : { order: [LINE], rest: [...standing] };
    }
    draw();
  }

  // What is sent: places and acceptable, parallel to the answers that stand.
  function sent() {
    const bad = new Set(state.order.at(-1) === LINE ? [] : [...state.order.slice(state.order.indexOf(LINE) + 1).flat(), ...state.rest]);
    return { places: standing.map((slot) => place(slot) || null), acceptable: bad.size ? standing.map((slot) => !bad.has(slot)) : null };
  }

  return { show, press, undo, sent, best: () => change(best) };
})();
