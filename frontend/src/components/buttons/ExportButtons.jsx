import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.js';
import { mayAs } from '../../lib/access.js';
import { hasBounds } from '../../lib/selection.js';
import { stringifySearch } from '../../lib/url.js';
import { IconDownload } from '../../ui/icons.js';

const FORMATS = [
  ['csv', 'CSV'],
  ['jsonl', 'JSON lines'],
];

/**
 * Downloads of a dataset's rows, for whoever may read rows: all of them, or those within the bounds
 * of the selection, in its order.
 */
export function ExportButtons({ name, selection }) {
  const { data: user } = useQuery(sessionQuery);
  if (!mayAs(user?.role, 'data_scientist')) return null;
  const path = `/api/v1/datasets/${encodeURIComponent(name)}/export`;
  const what = hasBounds(selection) ? 'Export filtered rows as' : 'Export as';
  return FORMATS.map(([format, label]) => (
    <Button
      key={format}
      component="a"
      href={`${path}${stringifySearch({ format, ...selection })}`}
      download
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
    >
      {what} {label}
    </Button>
  ));
}
