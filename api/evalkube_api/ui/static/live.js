// The page of a run at work: curves that grow with each event, and the end of its log.
"use strict";
(() => {
  const MOST = 300; // points of a curve; once there are more, every second one goes
  const SHOWN = 30; // rows of the table behind a plot

  // ------------------------------------------------------------------------------------------------------------ log
  const log = document.querySelector("#log[data-log]");
  const MOST_CHARS = 200000;
  const followLog = async () => {
    const answer = await fetch(log.dataset.log + "?tail=200&follow=true");
    if (!answer.ok || !answer.body) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text = (text + value).slice(-MOST_CHARS);
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      log.textContent = text;
      if (atEnd) log.scrollTop = log.scrollHeight;
    }
  };
  if (log) followLog().catch(() => {}); // the service went away; the page says so elsewhere

  // --------------------------------------------------------------------------------------------------------- curves
  const known = document.querySelector("#course");
  if (!known || typeof uPlot === "undefined") return;
  const course = JSON.parse(known.textContent);
  const figures = [...document.querySelectorAll(".live-plot")];
  const drawn = new Map();
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const DASHES = [[], [6, 3], [2, 3]];

  const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);
  const shown = (value, unit) => {
    if (value === null || value === undefined) return "-";
    if (unit === "s") return value < 1 ? Number((value * 1000).toPrecision(3)) + " ms" : Number(value.toPrecision(3)) + " s";
    return String(Number(value.toPrecision(4)));
  };
  const options = (figure, curves, unit) => ({
    width: figure.clientWidth || 360,
    height: 210,
    cursor: { drag: { x: false, y: false } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.08] } },
    axes: [
      { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 },
        space: 80, values: (_, ticks) => ticks.map(clock) },
      { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 }, size: 62,
        values: (_, ticks) => ticks.map((tick) => shown(tick, unit)) },
    ],
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "UTC"),
    series: [{ label: "at", value: (_, at) => at ? clock(at) : "-" },
      ...curves.map(([, label], place) => ({
        label, stroke: colour("--s" + place % 6), dash: DASHES[place % 3], width: 2, spanGaps: true,
        points: { show: false }, value: (_, value) => shown(value, unit),
      }))],
  });

  const fill = (figure, curves, unit) => { // the table, while it is open
    const details = figure.querySelector("details");
    if (!details.open) return;
    const rows = [];
    for (let place = course.at.length - 1; place >= 0 && rows.length < SHOWN; place--) {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = clock(course.at[place]);
      row.append(head);
      for (const [name] of curves) {
        const cell = document.createElement("td");
        cell.className = "n";
        cell.textContent = shown(course.values[name][place], unit);
        row.append(cell);
      }
      rows.push(row);
    }
    figure.querySelector("tbody").replaceChildren(...rows);
  };

  const draw = () => {
    let any = false;
    for (const figure of figures) {
      const curves = JSON.parse(figure.dataset.curves), unit = figure.dataset.unit;
      const data = [course.at, ...curves.map(([name]) => course.values[name])];
      const values = data.slice(1).some((column) => column.some((value) => value !== null && value !== undefined));
      figure.hidden = !values;
      if (!values) continue;
      any = true;
      if (drawn.has(figure)) drawn.get(figure).setData(data);
      else drawn.set(figure, new uPlot(options(figure, curves, unit), data, figure.querySelector(".drawn")));
      const plot = drawn.get(figure);
      if (!(plot.cursor.left >= 0)) plot.setLegend({ idx: course.at.length - 1 }); // the last values, while nobody points
      fill(figure, curves, unit);
    }
    document.querySelector("#no-curves").hidden = any;
  };
  const again = () => { // in another theme
    for (const plot of drawn.values()) plot.destroy();
    drawn.clear();
    draw();
  };

  const add = (now) => {
    const at = Date.now() / 1000;
    if (!Object.keys(now.figures || {}).length) return;
    if (course.at.length && at - course.at[course.at.length - 1] < course.apart) return;
    course.at.push(at);
    for (const name of Object.keys(course.values)) course.values[name].push(now.figures[name] ?? null);
    if (course.at.length > MOST) {
      const kept = (_, place) => place % 2 === 0;
      course.at = course.at.filter(kept);
      for (const name of Object.keys(course.values)) course.values[name] = course.values[name].filter(kept);
      course.apart *= 2;
    }
    draw();
  };

  document.addEventListener("evalkube:event", (event) => add(event.detail.data));
  for (const figure of figures) {
    figure.querySelector("details").addEventListener("toggle", () => fill(figure, JSON.parse(figure.dataset.curves), figure.dataset.unit));
  }
  new ResizeObserver(() => {
    for (const [figure, plot] of drawn) plot.setSize({ width: figure.clientWidth, height: 210 });
  }).observe(document.querySelector("#curves"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  draw();
})();
