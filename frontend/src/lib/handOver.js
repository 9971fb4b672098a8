/**
 * Puts a text on the clipboard; gives whether it is there. Outside of https and localhost browsers
 * offer no clipboard to pages, but do let them answer the “copy” that a click sets off.
 */
export async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
    return answerCopy(text);
  } catch {
    return false;
  }
}

function answerCopy(text) {
  let taken = false;
  const answer = (event) => {
    event.clipboardData.setData('text/plain', text);
    event.preventDefault();
    taken = true;
  };
  document.addEventListener('copy', answer, { once: true, capture: true });
  document.execCommand('copy');
  document.removeEventListener('copy', answer, { capture: true });
  return taken;
}

const REVOKE_AFTER_MS = 10_000;

/** Saves texts, one after the other, as a file in the reader's downloads. */
export function saveFile(name, texts) {
  const address = URL.createObjectURL(new Blob(texts, { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), REVOKE_AFTER_MS);
}
