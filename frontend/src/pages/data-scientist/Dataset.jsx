import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { datasetsQuery, rowsQuery } from '../../api/queries.js';
import { ExportButtons } from '../../components/buttons/ExportButtons.jsx';
import { DatasetRowsTable } from '../../components/tables/DatasetRowsTable.jsx';
import { formatAmount, formatEstimate } from '../../lib/format.js';
import { NotCounted } from '../../ui/NotCounted.jsx';
import { EmptyState } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './datasets.module.css';

/** One loaded table and its rows. */
export function Dataset() {
  const { name } = useParams({ from: '/app/datasets/$name' });
  const { data: datasets } = useQuery(datasetsQuery);
  const dataset = datasets?.find((candidate) => candidate.name === name);
  return (
    <>
      <div className={classes.crumb}>
        <Link to="/datasets" activeOptions={{ exact: true }}>
          Datasets
        </Link>
      </div>
      <PageHead
        key={name}
        title={name}
        facts={<DatasetFacts dataset={dataset} />}
        actions={<ExportButtons name={name} />}
      />
      <DatasetRows key={`${name} rows`} name={name} dataset={dataset} />
    </>
  );
}

function DatasetFacts({ dataset }) {
  // A line of its height is kept, so that the rows below do not jump when the facts arrive.
  if (!dataset) return <span>&nbsp;</span>;
  return (
    <>
      <span className="numeric">
        {dataset.row_count === null ? (
          <NotCounted>rows not counted</NotCounted>
        ) : (
          <>
            {dataset.row_count_exact === false && 'about '}
            {formatAmount(dataset.row_count, 'row')}
          </>
        )}
      </span>
      <span className="numeric">{formatAmount(dataset.columns.length, 'column')}</span>
      <span>
        Last load <Time value={dataset.last_load_at} />
      </span>
      {dataset.pipeline_id && (
        <span>
          by{' '}
          <Link
            to="/pipelines/$pipelineId"
            params={{ pipelineId: dataset.pipeline_id }}
            search={{ run: dataset.run_id ?? undefined }}
          >
            {dataset.pipeline_id}
          </Link>
        </span>
      )}
    </>
  );
}

function DatasetRows({ name, dataset }) {
  const query = useInfiniteQuery(rowsQuery(name));
  return (
    <>
      <LoadedAgain name={name} lastLoadAt={dataset?.last_load_at} />
      <QueryState query={query} what="rows" rows={10} height={28}>
        {({ pages }) =>
          pages[0].rows.length === 0 ? (
            <EmptyState title="This table has no rows">
              It was made by a load that brought none, or its rows were replaced by none.
            </EmptyState>
          ) : (
            <DatasetRowsTable name={name} query={query} pages={pages} total={totalOf(dataset)} />
          )
        }
      </QueryState>
    </>
  );
}

/** How many rows the table has, as a text; undefined where that is not known. */
function totalOf(dataset) {
  if (!Number.isFinite(dataset?.row_count)) return undefined;
  return formatEstimate(dataset.row_count, dataset.row_count_exact);
}

/** Tells of a load that came after the shown rows, and shows its rows when the reader wants them. */
function LoadedAgain({ name, lastLoadAt }) {
  const client = useQueryClient();
  const [shown, setShown] = useState(lastLoadAt);
  if (shown === undefined && lastLoadAt !== undefined) setShown(lastLoadAt);
  const news = shown !== undefined && lastLoadAt !== undefined && lastLoadAt !== shown;
  return (
    <div role="status">
      {news && (
        <div className={classes.news}>
          This table has been loaded again.
          <Button
            variant="default"
            size="compact-xs"
            onClick={() => {
              setShown(lastLoadAt);
              client.resetQueries({ queryKey: rowsQuery(name).queryKey });
            }}
          >
            Show the new rows
          </Button>
        </div>
      )}
    </div>
  );
}
