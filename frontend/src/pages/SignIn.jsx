import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Navigate, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { sessionQuery, useSignIn } from '../api/queries.js';
import { requestFocus } from '../lib/navigation.js';
import { safeReturn } from '../lib/url.js';
import { CentredPage } from '../shell/CentredPage.jsx';
import { ErrorPanel } from '../ui/notices.jsx';
import classes from './SignIn.module.css';

export function SignIn() {
  const search = useSearch({ from: '/sign-in' });
  const session = useQuery(sessionQuery);
  if (session.data) return <Navigate to={safeReturn(search.return)} replace />;
  return (
    <CentredPage title="Sign in to Headgate">
      <SignInForm />
      <p className={classes.help}>
        On its first start Headgate makes the user <code>admin</code>. The password is the one of{' '}
        <code>HEADGATE_ADMIN_PASSWORD</code>. Without it one is made, and printed once on the
        terminal or, where there is none, written to <code>admin-password</code> in the data folder.
      </p>
    </CentredPage>
  );
}

function SignInForm() {
  const signIn = useSignIn();
  const [missing, setMissing] = useState({});
  const password = useRef(null);

  function submit(event) {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.currentTarget));
    const gaps = {
      username: fields.username.trim() ? undefined : 'Enter your user name.',
      password: fields.password ? undefined : 'Enter your password.',
    };
    setMissing(gaps);
    const firstGap = Object.keys(gaps).find((name) => gaps[name]);
    if (firstGap) {
      event.currentTarget.elements[firstGap].focus();
      return;
    }
    requestFocus();
    signIn.mutate(
      { username: fields.username.trim(), password: fields.password },
      {
        onError: () => {
          password.current?.focus();
          password.current?.select();
        },
      },
    );
  }

  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      {signIn.error && <SignInError error={signIn.error} />}
      <TextInput
        label="User name"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        error={missing.username}
      />
      <PasswordInput
        ref={password}
        label="Password"
        name="password"
        autoComplete="current-password"
        error={missing.password}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the password', tabIndex: 0 }}
      />
      <Button type="submit" loading={signIn.isPending}>
        Sign in
      </Button>
    </form>
  );
}

const EXPLAINED = {
  401: {
    title: 'User name or password is wrong',
    hint: 'Check both and try again. An administrator can set a new password.',
  },
  429: {
    title: 'Too many attempts',
    hint: 'Sign-in for this name is held back for a while. Wait, then try again.',
  },
  503: {
    title: 'Headgate is not ready',
    hint: 'Its database is away or still starting. Try again in a moment.',
  },
};

/** The host's own detail stays; title and next step are said for a person who signs in. */
function SignInError({ error }) {
  const explained = EXPLAINED[error.status];
  if (!explained) return <ErrorPanel error={error} />;
  const detail = error.status === 401 ? null : error.detail;
  return (
    <ErrorPanel
      error={{
        ...explained,
        detail,
        retryAfterSeconds: error.retryAfterSeconds,
        requestId: error.status === 401 ? null : error.requestId,
      }}
      tone={error.status === 401 ? 'failed' : 'warning'}
    />
  );
}
