// The pages work without this. It only spares readers the search for their time zone.
"use strict";
for (const form of document.querySelectorAll("form[data-detect-zone]")) {
  const select = form.querySelector("select[name=timezone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = select && Array.from(select.options).some((option) => option.value === here);
  if (known && select.value === "UTC") {
    select.value = here;
  }
}
