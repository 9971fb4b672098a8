import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { formatAmount } from '../../lib/format.js';
import { CopyButton } from '../../ui/CopyButton.jsx';
import { Notice } from '../../ui/notices.jsx';
import classes from './BrokenPipelineFiles.module.css';

/** Where an error stands, as editors and compilers write it: `file:line:column`. */
export function placeOf({ file, line, column }) {
  return [file, line, column].filter((part) => part !== null && part !== undefined).join(':');
}

/** More would push the pipelines off the screen. */
const SHOWN = 3;

/** One whose file was removed is as somebody wants it, and its own page says so. */
export function RemovedPipelineFile({ pipeline }) {
  if (!pipeline.file_missing) return null;
  const [error] = pipeline.errors;
  return (
    <Notice tone="paused" title="The file of this pipeline was removed">
      <p className={classes.item}>
        <span className={classes.place}>
          <code>{placeOf(error)}</code>
          <CopyButton value={placeOf(error)} label={`Copy ${placeOf(error)}`} />
        </span>
        <span className="muted">{error.hint}</span>
      </p>
    </Notice>
  );
}

/** What is wrong in pipeline files, each with its place, so that it can be mended there. */
export function BrokenPipelineFiles({ pipelines, linked = false }) {
  const errors = pipelines
    .filter((pipeline) => !pipeline.file_missing)
    .flatMap((pipeline) =>
      (pipeline.errors ?? []).map((error) => ({ ...error, pipelineId: pipeline.id })),
    );
  const [open, setOpen] = useState(false);
  if (errors.length === 0) return null;
  const left = errors.length - SHOWN;
  const files = new Set(errors.map((error) => error.file ?? error.pipelineId));
  return (
    <Notice
      tone="failed"
      title={`${formatAmount(files.size, 'pipeline file has', 'pipeline files have')} errors and ${files.size === 1 ? 'is' : 'are'} not run`}
    >
      <ul className={classes.list}>
        {(open ? errors : errors.slice(0, SHOWN)).map((error) => (
          <li key={`${placeOf(error)} ${error.message}`} className={classes.item}>
            <span className={classes.place}>
              <code>{placeOf(error)}</code>
              <CopyButton value={placeOf(error)} label={`Copy ${placeOf(error)}`} />
              {linked && (
                <Link to="/pipelines/$pipelineId" params={{ pipelineId: error.pipelineId }}>
                  {error.pipelineId}
                </Link>
              )}
            </span>
            <span className={classes.message}>
              {error.message}
              {error.hint && <span className="muted"> {error.hint}</span>}
            </span>
          </li>
        ))}
      </ul>
      {left > 0 && (
        <Button
          variant="default"
          size="compact-xs"
          className={classes.more}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? 'Show the first three' : `and ${left} more`}
        </Button>
      )}
      <p className="muted">
        Mend the file; Headgate reads it again on SIGHUP or at its next start.
      </p>
    </Notice>
  );
}
