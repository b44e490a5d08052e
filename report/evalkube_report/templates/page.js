(() => {
  "use strict";
  addEventListener("beforeprint", () => document.querySelectorAll("details.card").forEach((part) => { part.open = true; }));
  const table = document.querySelector("table.samples");
  if (!table) return;
  const tools = document.querySelector(".tools");
  const bodies = [...table.tBodies];
  const shown = document.querySelector("#shown");
  let state = "", words = "";
  const apply = () => {
    let left = 0;
    for (const body of bodies) {
      const fits = (!state || body.dataset.state === state) && (!words || body.textContent.toLowerCase().includes(words));
      body.hidden = !fits;
      left += fits;
    }
    shown.textContent = left + " shown";
  };
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    state = button.dataset.state;
    tools.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    apply();
  });
  tools.querySelector("input").addEventListener("input", (event) => { words = event.target.value.toLowerCase(); apply(); });
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head || !head.dataset.key) return;
    const up = head.getAttribute("aria-sort") !== "ascending";
    table.tHead.querySelectorAll("th[aria-sort]").forEach((one) => one.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = head.dataset.key, number = head.dataset.number !== undefined;
    const value = (body) => number ? Number(body.dataset[key]) : body.dataset[key];
    bodies.sort((a, b) => { const x = value(a), y = value(b); return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1); });
    table.append(...bodies);
  });
})();
