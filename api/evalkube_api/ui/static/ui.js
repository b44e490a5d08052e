// What every page does. Each page works without it, but for what changes by itself.
"use strict";
(() => {
  const PAUSE_MS = 1000; // between two looks at a list that changes all the time

  // A part with data-follow changes with the runs: each event of that stream fetches it anew from data-url.
  let stream = null, timer = 0, busy = false, stale = false;
  const part = () => document.querySelector("[data-follow]");

  const fetchPart = async () => {
    timer = 0;
    const now = part();
    if (!now) return;
    if (document.hidden || busy) { stale = true; return; }
    busy = true;
    stale = false;
    try {
      await htmx.ajax("GET", now.dataset.url, { target: "#" + now.id, swap: "outerHTML", source: now });
    } finally {
      busy = false;
      if (stale) later();
    }
  };
  const later = () => { if (!timer) timer = setTimeout(fetchPart, PAUSE_MS); };

  const follow = () => {
    const now = part();
    if (!now || stream) return;
    stream = new EventSource(now.dataset.follow);
    const told = (event) => {
      document.dispatchEvent(new CustomEvent("evalkube:event", { detail: { name: event.type, data: JSON.parse(event.data) } }));
      later();
    };
    for (const name of ["run", "deleted", "snapshot", "progress"]) stream.addEventListener(name, told);
    stream.addEventListener("end", () => { // what it came to is another page at the same address
      stream.close();
      location.reload();
    });
    stream.addEventListener("error", () => { // the browser tries again by itself, unless it was refused
      if (stream.readyState === EventSource.CLOSED) { stream = null; setTimeout(follow, 5 * PAUSE_MS); }
    });
    document.documentElement.dataset.following = "";
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) later(); });
  addEventListener("pagehide", () => { if (stream) stream.close(); stream = null; });
  addEventListener("pageshow", follow);

  // What was chosen stays chosen when the list is fetched anew.
  const chosen = new Set();
  const count = () => {
    const place = document.querySelector("#chosen");
    if (place) place.textContent = chosen.size ? chosen.size + " chosen" : "";
  };
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.name !== "run" || box.type !== "checkbox") return;
    if (box.checked) chosen.add(box.value); else chosen.delete(box.value);
    count();
  });
  const restore = () => {
    const there = new Set();
    for (const box of document.querySelectorAll("input[type=checkbox][name=run]")) {
      box.checked = chosen.has(box.value);
      if (box.checked) there.add(box.value);
    }
    chosen.clear();
    for (const id of there) chosen.add(id);
    count();
  };
  const start = () => {
    for (const box of document.querySelectorAll("input[type=checkbox][name=run]:checked")) chosen.add(box.value);
    count();
  };

  // What was folded out stays so.
  const open = new Map();
  document.addEventListener("htmx:beforeSwap", (event) => {
    open.clear();
    for (const one of event.detail.target.querySelectorAll("details[id]")) open.set(one.id, one.open);
  });

  document.addEventListener("htmx:afterSwap", () => {
    for (const [id, was] of open) {
      const one = document.getElementById(id);
      if (one) one.open = was;
    }
    restore();
    const now = part(), said = document.querySelector("#said");
    if (now && said && said.textContent !== now.dataset.said) said.textContent = now.dataset.said;
  });
  document.addEventListener("htmx:responseError", (event) => {
    const said = document.querySelector("#said");
    if (said) said.textContent = "The service answered " + event.detail.xhr.status + ".";
  });

  // A button that copies the text of the element that it names.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    } catch { button.textContent = "Select it by hand"; }
    setTimeout(() => { button.textContent = before; }, 2000);
  });

  // The same request beside its form, as it is filled. Of a key it is only said that there is one.
  const form = document.querySelector("#new"), spelled = document.querySelector("#spellings");
  if (form && spelled) {
    let wait = 0;
    const spell = () => {
      const has = [...form.querySelectorAll("[data-secret]")].filter((one) => one.value).map((one) => one.dataset.secret);
      spelled.setAttribute("hx-vals", JSON.stringify({ has }));
      htmx.trigger(spelled, "spell");
    };
    form.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(spell, 250); });
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
    addEventListener("pageshow", () => { delete form.dataset.sent; });
  }

  // A field that narrows a list of ticks to those with its words.
  document.addEventListener("input", (event) => {
    const list = document.getElementById(event.target.dataset.narrow);
    if (!list) return;
    const words = event.target.value.toLowerCase();
    for (const label of list.querySelectorAll("label")) label.hidden = !label.textContent.toLowerCase().includes(words);
  });

  start();
  follow();
})();
