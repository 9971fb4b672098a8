import { Notice } from '../../ui/notices.jsx';

/** That a thing stands in one of the host's files, or did; `kind` is what it is. */
export function FromFile({ kind, origin, file }) {
  if (origin !== 'file') return null;
  if (file) {
    return (
      <Notice title="From the host’s files">
        <p>
          This {kind} stands in <code>{file}</code> and is changed there: the host reads it at its
          start and on SIGHUP.
        </p>
      </Notice>
    );
  }
  return (
    <Notice tone="warning" title="No longer in the host’s files">
      <p>
        The entry is gone, which switched this {kind} off. It comes back with the entry; what you
        change here makes it one that no file knows of.
      </p>
    </Notice>
  );
}
