// The server has drawn the forecast as an SVG. Where uPlot is at hand, a chart to hover over takes its box.
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faint = (colour, percent) => `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
  const LEGEND = 34; // pixels under the plot; the whole stays as high as the SVG was

  function line(plot, from, to, { colour, width, dash = [] }) {
    const pen = plot.ctx;
    pen.strokeStyle = colour;
    pen.lineWidth = width * devicePixelRatio;
    pen.setLineDash(dash.map((part) => part * devicePixelRatio));
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
  }

  function text(plot, words, [x, y], { colour, size, align, weight = 650 }) {
    const pen = plot.ctx;
    pen.font = `${weight} ${size * devicePixelRatio}px ${css("--font")}`;
    pen.fillStyle = colour;
    pen.textAlign = align;
    pen.fillText(words, x, y);
  }

  const marks = (data) => (plot) => {
    const { left, top, width, height } = plot.bbox;
    const px = devicePixelRatio;
    const right = left + width;
    plot.ctx.save();
    if (data.limit !== null) {
      const y = plot.valToPos(data.limit, "y", true);
      line(plot, [left, y], [right, y], { colour: css("--down"), width: 1.5, dash: [2, 3] });
      const words = plot.width < 520 ? data.limitShort : data.limitLabel;
      text(plot, words, [left + 6 * px, y - 6 * px], { colour: css("--down-text"), size: 11, align: "left" });
    }
    if (!data.ahead) { plot.ctx.restore(); return; }
    const now = plot.valToPos(data.now, "x", true);
    line(plot, [now, top], [now, top + height], { colour: css("--line-strong"), width: 1 });
    text(plot, data.todayLabel, [now - 6 * px, top + 12 * px], { colour: css("--ink-2"), size: 11, align: "right" });
    if (data.runout !== null) {
      const x = plot.valToPos(data.runout, "x", true);
      const y = plot.valToPos(data.limit, "y", true);
      line(plot, [x, y + 6 * px], [x, top + height], { colour: css("--risk"), width: 1, dash: [3, 3] });
      plot.ctx.setLineDash([]);
      plot.ctx.fillStyle = css("--risk");
      plot.ctx.strokeStyle = css("--surface");
      plot.ctx.lineWidth = 2 * px;
      plot.ctx.beginPath();
      plot.ctx.arc(x, y, 5.5 * px, 0, 7);
      plot.ctx.fill();
      plot.ctx.stroke();
      const align = x > left + width * 0.86 ? "right" : "center";
      text(plot, data.runoutLabel, [x, top - 8 * px], { colour: css("--risk-text"), size: 12.5, align, weight: 700 });
    }
    plot.ctx.restore();
  };

  function options(data, width, height) {
    const axis = { stroke: css("--ink-3"), font: `11px ${css("--font")}`, grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    const shown = (plot, value) => (value === null || value === undefined ? "–" : value.toFixed(data.decimals) + data.unit);
    const series = (label, more) => ({ label, value: shown, points: { show: false }, ...more });
    const days = [[31536000, "{YYYY}", null, null, null, null, null, null, 1],
      [2419200, "{D} {MMM}", null, null, null, null, null, null, 1], [86400, "{D} {MMM}", null, null, null, null, null, null, 1]];
    return {
      width, height: height - LEGEND, padding: [24, 14, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
      cursor: { y: false, points: { size: 7 } },
      scales: { y: { range: data.range } },
      axes: [{ ...axis, values: days, space: 70, size: 30 },
        { ...axis, values: (plot, ticks) => ticks.map((tick) => tick.toLocaleString() + data.unit), size: 52 }],
      bands: data.ahead ? [{ series: [3, 4], fill: faint(css("--risk"), 17) }] : [],
      series: [{ label: data.words.day, value: "{D} {MMM} {YYYY}" },
        series(data.words.measured, { stroke: css("--accent"), width: 2.25, fill: faint(css("--accent"), 9) }),
        series(data.words.expected, { stroke: css("--risk"), width: 2, dash: [6, 5] }),
        series(data.words.high, { stroke: "transparent" }), series(data.words.low, { stroke: "transparent" })].slice(0, data.ahead ? 5 : 2),
      hooks: { draw: [marks(data)] },
    };
  }

  document.querySelectorAll("[data-forecast]").forEach((box) => {
    const source = box.parentNode.querySelector("script[type='application/json']");
    if (!source || !window.uPlot) return;
    const data = JSON.parse(source.textContent);
    const drawing = box.querySelector("svg");
    const height = Math.max(240, drawing.getBoundingClientRect().height);
    const canvas = document.createElement("div");
    canvas.className = "hover";
    canvas.setAttribute("aria-hidden", "true");
    let plot = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(data, box.clientWidth, height), data.series.slice(0, data.ahead ? 5 : 2), canvas);
    };
    drawing.classList.add("replaced");
    box.append(canvas);
    draw();
    let width = box.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(box.clientWidth - width) > 4) { width = box.clientWidth; draw(); }
    }).observe(box);
    document.addEventListener("themechange", draw);
  });
})();
