/* Narrows the table of tasks by words and by what its columns hold. The table is complete without it. */
(() => {
  "use strict";
  const place = document.querySelector(".as-facets");
  const table = place?.parentElement.querySelector("table");
  if (!table) return;
  const heads = [...table.querySelectorAll("thead th")].map(cell => cell.textContent.trim());
  const rows = [...table.querySelectorAll("tbody tr")];
  const columns = place.dataset.columns.split(",").filter(name => heads.includes(name));
  const value = (row, name) => row.cells[heads.indexOf(name)].textContent.trim();
  const asked = new URLSearchParams(location.search);
  const fields = new Map();

  const count = document.createElement("span");
  count.className = "as-quiet";
  count.setAttribute("role", "status");

  const show = () => {
    const words = fields.get("find").value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = columns.every(name => !fields.get(name).value || value(row, name) === fields.get(name).value);
      row.hidden = !fits || !row.textContent.toLowerCase().includes(words);
      shown += !row.hidden;
    }
    count.textContent = shown === rows.length ? "" : shown + " of " + rows.length + " tasks";
    const query = new URLSearchParams();
    for (const [name, field] of fields) if (field.value) query.set(name, field.value);
    const text = query.toString();
    try { history.replaceState(null, "", location.pathname + (text ? "?" + text : "")); } catch { /* from disk, in some browsers */ }
  };

  const search = document.createElement("input");
  search.type = "search";
  search.placeholder = "find a task";
  search.setAttribute("aria-label", "find a task");
  search.value = asked.get("find") || "";
  search.addEventListener("input", show);
  fields.set("find", search);
  place.append(search);
  for (const name of columns) {
    const values = [...new Set(rows.map(row => value(row, name)))].filter(Boolean).sort();
    const select = document.createElement("select");
    select.setAttribute("aria-label", name);
    select.append(new Option(name + ": all", ""), ...values.map(text => new Option(text, text)));
    select.value = values.includes(asked.get(name)) ? asked.get(name) : "";
    select.addEventListener("change", show);
    fields.set(name, select);
    place.append(select);
  }
  place.append(count);
  place.hidden = false;
  show();
})();
