// Copying to the clipboard. Its API is missing on pages that come over plain HTTP from another host, as the inbox of a
// simulator on a server does; the older command works there.

import { toast } from "./dom.js";

export async function copy(text, what = text) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyBySelection(text);
    toast(`Copied ${what}`);
    return true;
  } catch {
    try {
      copyBySelection(text);
      toast(`Copied ${what}`);
      return true;
    } catch {
      toast(`The browser does not let the page copy. It is ${text}`, "error");
      return false;
    }
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  document.body.append(area);
  area.select();
  const ok = document.execCommand("copy");
  area.remove();
  focused?.focus();
  if (!ok) throw new Error("the browser refused");
}
