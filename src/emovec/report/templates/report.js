"use strict";
// Draws every figure from the data beside it; a selector picks one of the frames that were computed beforehand.
(() => {
  const MISSING = -32768;
  const LEAST_WIDTH = 700;  // of a figure: labels would cover each other; a narrower screen scrolls it
  const BASE = {
    font: { family: FONT_FAMILY, size: 12, color: "#333" },
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest", autosize: true,
    hoverlabel: { bgcolor: "#fff", bordercolor: "#999", font: { color: "#222" } },
  };
  const AXIS = {
    gridcolor: "#e8e8e8", linecolor: "#888", zerolinecolor: "#bbb", ticks: "outside", tickcolor: "#888", ticklen: 4,
    showline: true,
  };
  const CONFIG = {
    responsive: true, displaylogo: false, showTips: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };

  const unpack = ({ shape: [rows, columns], b64 }) => {
    const bytes = Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) => {
        const value = view.getInt16(2 * (i * columns + j), true);
        return value === MISSING ? null : value / 1000;
      }));
  };

  const labelled = ([xref, yref, x, y, ax, ay, text]) => ({
    xref, yref, x, y, ax, ay, text, showarrow: true, arrowhead: 0, arrowwidth: 0.6, arrowcolor: "#999", standoff: 4,
    startstandoff: 1, xanchor: "center", yanchor: "middle", font: { size: 11, color: "#333" }, borderpad: 0,
  });

  const drawChart = (place, figure, frame) => {
    const data = frame.data.map(({ packed, ...trace }) => (packed ? { ...trace, z: unpack(packed) } : trace));
    const layout = { ...BASE, ...frame.layout, height: figure.height };
    if (place.clientWidth < LEAST_WIDTH) layout.width ??= LEAST_WIDTH;
    for (const key of Object.keys(layout)) if (/^[xy]axis/.test(key)) layout[key] = { ...AXIS, ...layout[key] };
    layout.annotations = [...frame.layout.annotations, ...(frame.labels || []).map(labelled)];
    Plotly.react(place, data, layout, CONFIG);
  };

  const drawListing = (place, figure, rows) => {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const column of figure.columns) head.appendChild(document.createElement("th")).textContent = column;
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const cell of row) {
        const box = line.insertCell();
        if (!Array.isArray(cell)) { box.textContent = cell; continue; }
        for (const token of cell) {
          const chip = box.appendChild(document.createElement("span"));
          chip.className = "token";
          chip.textContent = token;
          box.append(" ");
        }
      }
    }
    place.replaceChildren(table);
  };

  const addSelector = (bar, selector, id, changed) => {
    const group = bar.appendChild(document.createElement("div"));
    group.className = "selector";
    if (selector.slider) {
      const label = group.appendChild(document.createElement("label"));
      const input = document.createElement("input");
      const shown = document.createElement("output");
      Object.assign(input, { type: "range", min: 0, max: selector.labels.length - 1, step: 1, id });
      input.value = selector.initial;
      label.htmlFor = id;
      label.textContent = selector.name;
      shown.textContent = selector.labels[selector.initial];
      const play = document.createElement("button");
      let timer = 0;
      const stop = () => { clearInterval(timer); timer = 0; play.textContent = "▶ play"; };
      const move = (option) => { input.value = option; input.dispatchEvent(new Event("input")); };
      play.type = "button";
      play.className = "play";
      stop();
      play.addEventListener("click", () => {
        if (timer) { stop(); return; }
        if (input.value === input.max) move(0);
        play.textContent = "❚❚ stop";
        timer = setInterval(() => {
          move(Number(input.value) + 1);
          if (input.value === input.max) stop();
        }, 700);
      });
      input.addEventListener("pointerdown", stop);
      group.append(input, shown, play);
      input.addEventListener("input", () => {
        shown.textContent = selector.labels[input.value];
        input.setAttribute("aria-valuetext", selector.labels[input.value]);
        changed(Number(input.value));
      });
      return;
    }
    if (selector.labels.length > 6) {
      const label = group.appendChild(document.createElement("label"));
      const select = group.appendChild(document.createElement("select"));
      label.htmlFor = select.id = id;
      label.textContent = selector.name;
      selector.labels.forEach((text, i) => select.add(new Option(text, i, i === selector.initial, i === selector.initial)));
      select.addEventListener("change", () => changed(Number(select.value)));
      return;
    }
    const set = group.appendChild(document.createElement("fieldset"));
    set.appendChild(document.createElement("legend")).textContent = selector.name;
    selector.labels.forEach((text, i) => {
      const label = set.appendChild(document.createElement("label"));
      const radio = label.appendChild(document.createElement("input"));
      Object.assign(radio, { type: "radio", name: id, value: i, checked: i === selector.initial });
      label.append(text);
      radio.addEventListener("change", () => changed(i));
    });
  };

  for (const source of document.querySelectorAll("script[type='application/json'][data-figure]")) {
    const figure = JSON.parse(source.textContent);
    const name = source.dataset.figure;
    const place = document.getElementById(`figure-${name}`);
    const bar = document.getElementById(`selectors-${name}`);
    const state = figure.selectors.map((selector) => selector.initial);
    const missing = document.createElement("p");
    missing.className = "missing";
    missing.textContent = "Not computed for this choice.";
    missing.hidden = true;
    place.before(missing);
    const draw = () => {
      const frame = figure.frames[state.join("|")];
      missing.hidden = Boolean(frame);
      place.hidden = !frame;
      if (frame) (figure.kind === "chart" ? drawChart : drawListing)(place, figure, frame);
    };
    figure.selectors.forEach((selector, i) => {
      if (selector.labels.length < 2) return;
      addSelector(bar, selector, `${name}-${i}`, (option) => { state[i] = option; draw(); });
    });
    draw();
  }
  window.addEventListener("beforeprint", () => {
    for (const place of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(place);
  });
  document.documentElement.dataset.drawn = "true";
})();
