import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { setStepsWanted } from '../../lib/firstSteps.js';
import { IconCircle, IconCircleCheckFilled } from '../../ui/icons.js';
import { toneClass } from '../../ui/Status.jsx';
import classes from './FirstSteps.module.css';

/** What to do first, with what is done already; the reader puts it away for good. */
export function FirstSteps({ steps, username }) {
  const done = steps.filter((step) => step.done).length;
  return (
    <section className={classes.panel} aria-label="First steps">
      <div className={classes.head}>
        <h2>First steps</h2>
        <span className="muted numeric">
          {done} of {steps.length} done
        </span>
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          className={classes.away}
          onClick={() => {
            setStepsWanted(username, false);
            document.getElementById('main')?.focus({ preventScroll: true });
          }}
        >
          Hide
        </Button>
      </div>
      <ol className={classes.steps}>
        {steps.map((step) => (
          <Step key={step.key} step={step} />
        ))}
      </ol>
    </section>
  );
}

function Step({ step }) {
  const Icon = step.done ? IconCircleCheckFilled : IconCircle;
  return (
    <li className={classes.step}>
      <Icon
        size={18}
        aria-hidden="true"
        className={`${classes.icon} ${toneClass(step.done ? 'succeeded' : 'queued')}`}
      />
      <div className={classes.words}>
        <strong>{step.title}</strong>
        {step.done && <span className="visually-hidden">, done</span>}
        <p className="muted">{step.text}</p>
        {!step.done && step.action && (
          <Link {...step.to} className={classes.link} aria-current={undefined}>
            {step.action}
          </Link>
        )}
      </div>
    </li>
  );
}
