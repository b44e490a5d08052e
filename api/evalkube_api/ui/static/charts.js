// Draws the plots of many values again with uPlot: readings under the pointer, and zoom by dragging (twice a click for
// all). What a plot shows stands in the page as a drawing and as a table too, which need no script.
"use strict";
(() => {
  const DASHES = [[], [6, 3], [2, 3], [], [6, 3], [2, 3]];
  const HEIGHT = 236;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (at) => style("--s" + (at % 6));
  const number = (value) => value === null || value === undefined ? "-" :
    Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));

  const axis = (one, extra) => ({
    label: one.label, labelSize: 20, labelFont: "11px system-ui, sans-serif", font: "11px system-ui, sans-serif",
    stroke: style("--soft"), grid: { stroke: style("--rule"), width: 1 }, ticks: { stroke: style("--rule"), width: 1 },
    values: (_, splits) => splits.map((value) => value === null ? "" : number(value)), ...extra,
  });

  const scale = (one, limits) => one.scale === "log" ? { distr: 3 } : {
    range: (_, low, high) => {
      const values = limits.map((limit) => limit.value);
      const bottom = one.zero ? Math.min(0, low) : low;
      const top = Math.max(high, ...values);
      return [bottom, top === bottom ? bottom + 1 : top + (top - bottom) * 0.04];
    },
  };

  const spans = (data) => (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = style("--track");
    ctx.globalAlpha = 0.6;
    for (const span of data.spans) {
      const left = Math.max(bbox.left, plot.valToPos(span.low, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(span.high, "x", true));
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  };

  const limits = (data) => (plot) => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.font = 11 * ratio + "px system-ui, sans-serif";
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    for (const limit of data.limits) {
      ctx.strokeStyle = ctx.fillStyle = limit.kind === "level" ? style("--bad") : style("--text");
      const at = plot.valToPos(limit.value, limit.axis, true);
      const inside = limit.axis === "y" ? at >= bbox.top && at <= bbox.top + bbox.height : at >= bbox.left && at <= bbox.left + bbox.width;
      if (!inside) continue;
      ctx.beginPath();
      if (limit.axis === "y") {
        ctx.moveTo(bbox.left, at);
        ctx.lineTo(bbox.left + bbox.width, at);
        ctx.textAlign = "right";
        ctx.fillText(limit.label, bbox.left + bbox.width - 4 * ratio, at - 4 * ratio);
      } else {
        ctx.moveTo(at, bbox.top);
        ctx.lineTo(at, bbox.top + bbox.height);
        const right = at > bbox.left + bbox.width / 2;
        ctx.textAlign = right ? "right" : "left";
        ctx.fillText(limit.label, at + (right ? -4 : 4) * ratio, bbox.top + 11 * ratio);
      }
      ctx.stroke();
    }
    ctx.restore();
  };

  const options = (data, width) => {
    const lines = data.series.map((one, at) => ({
      label: one.name, stroke: colour(at), width: 2, dash: DASHES[at % 6], spanGaps: one.joined,
      points: { show: one.dots, size: 7 }, value: (_, value) => number(value),
      ...(one.steps ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    }));
    const edges = data.bands.flatMap((band) => ["low", "high"].map((end) => ({
      label: band.name + ", " + end, class: "edge", stroke: colour(lines.length), width: end === "high" ? 1 : 0,
      points: { show: false }, value: (_, value) => number(value),
    })));
    const fill = data.bands.map((band) => ({ series: [band.high, band.low], fill: colour(lines.length) + "2e" }));
    const of = (name) => data.limits.filter((limit) => limit.axis === name);
    return {
      width, height: HEIGHT, scales: { x: { time: false, ...scale(data.x, of("x")) }, y: scale(data.y, of("y")) },
      axes: [axis(data.x, { size: 34 }), axis(data.y, { size: 54 })],
      series: [{ label: data.x.label, value: (_, value) => number(value) }, ...lines, ...edges],
      bands: fill, cursor: { drag: { x: true, y: false } }, legend: { live: true },
      hooks: { drawClear: [spans(data)], draw: [limits(data)] },
    };
  };

  const draw = (figure) => {
    const place = figure.querySelector(".drawn");
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    let plot = null;
    const render = () => {
      if (plot) plot.destroy();
      place.replaceChildren();
      plot = new uPlot(options(data, Math.max(280, place.clientWidth)), data.data, place);
      plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
    };
    render();
    let width = place.clientWidth;
    new ResizeObserver(() => {
      if (place.clientWidth === width || !place.clientWidth) return;
      width = place.clientWidth;
      plot.setSize({ width: Math.max(280, width), height: HEIGHT });
    }).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  };

  if (!window.uPlot) return;
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "300px" });
  document.querySelectorAll("figure.chart").forEach((figure) => seen.observe(figure));
})();
