import { NativeSelect } from '@mantine/core';
import { ROLE_MEANING, rolesUpTo } from '../../lib/access.js';

/** The role of a user, with what it may do. */
export function RoleSelect({ value, onChange, ...others }) {
  return (
    <NativeSelect
      name="role"
      label="Role"
      description={ROLE_MEANING[value]}
      data={rolesUpTo('admin').toReversed()}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      {...others}
    />
  );
}
