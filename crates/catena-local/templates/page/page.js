// SPDX-License-Identifier: MPL-2.0
// Comforts only: every page works without this.
"use strict";

document.documentElement.classList.add("has-script");

// Pages on which something still changes are loaded again, unless somebody is at work on them.
if (document.body.hasAttribute("data-live")) {
  setInterval(() => {
    const focus = document.activeElement;
    const idle = !focus || focus === document.body;
    const calm = idle && getSelection().isCollapsed && !document.querySelector("details[open]");
    if (calm && document.visibilityState === "visible") location.reload();
  }, 3000);
}

// Long tables get a field that narrows them.
for (const table of document.querySelectorAll("table[data-filter]")) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length <= 12) continue;
  const what = table.dataset.filter;
  const box = document.createElement("input");
  box.type = "search";
  box.className = "filter";
  box.placeholder = `Filter ${rows.length} ${what}`;
  box.setAttribute("aria-label", `Filter ${what}`);
  const said = document.createElement("span");
  said.className = "muted";
  said.setAttribute("role", "status");
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    said.textContent = box.value ? `${shown} of ${rows.length}` : "";
  });
  const line = document.createElement("p");
  line.className = "filters";
  line.append(box, said);
  table.before(line);
}

// "/" goes to the field for ids, as on many sites.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("find").focus();
});
