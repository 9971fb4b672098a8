import { Button, SegmentedControl } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { datasetsQuery, rowsKey, rowsQuery } from '../../api/queries.js';
import { ExportButtons } from '../../components/buttons/ExportButtons.jsx';
import { RowBounds } from '../../components/forms/RowBounds.jsx';
import { NoCandles } from '../../components/panels/NoCandles.jsx';
import { DatasetRowsTable } from '../../components/tables/DatasetRowsTable.jsx';
import { chartColumns, chartOf, chartSelection } from '../../lib/candles.js';
import { formatAmount, formatEstimate } from '../../lib/format.js';
import {
  boundErrors,
  hasBounds,
  nextSelection,
  orderOf,
  selectionOf,
} from '../../lib/selection.js';
import { Loading } from '../../ui/Loading.jsx';
import { NotCounted } from '../../ui/NotCounted.jsx';
import { EmptyState, NoMatch } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './datasets.module.css';

const Candles = lazy(() => import('../../components/charts/Candles.jsx'));

const VIEWS = [
  { value: 'rows', label: 'Rows' },
  { value: 'chart', label: 'Chart' },
];

/**
 * What the address asks for: `{chart, isChart, selection}`. A chart, where the columns are those of
 * price bars, has an order of its own, and keeps only bounds of its time. It draws nothing while it is
 * not known which time its bars follow.
 */
function wantedOf(search, dataset) {
  const chart = dataset ? chartOf(dataset.columns, search.time) : null;
  const isChart = search.view === 'chart' && chart !== null;
  const selection = selectionOf(search);
  return {
    chart,
    isChart,
    selection: isChart && chart.candles ? chartSelection(chart.candles, selection) : selection,
  };
}

/** One loaded table and its rows. */
export function Dataset() {
  const { name } = useParams({ from: '/app/datasets/$name' });
  const search = useSearch({ from: '/app/datasets/$name' });
  const { data: datasets, isPending } = useQuery(datasetsQuery);
  const dataset = datasets?.find((candidate) => candidate.name === name);
  const wanted = wantedOf(search, dataset);
  const { chart, isChart, selection } = wanted;
  const drawsNothing = isChart && !chart.candles;
  const columns = isChart && chart.candles ? { columns: chartColumns(chart.candles) } : {};
  const query = useInfiniteQuery({
    ...rowsQuery(name, { ...selection, ...columns }),
    // Which rows a chart needs is known when the columns are.
    enabled: (search.view !== 'chart' || !isPending) && !drawsNothing,
  });
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
        actions={query.isLoadingError || <ExportButtons name={name} selection={selection} />}
      />
      <DatasetRows
        key={`${name} rows`}
        name={name}
        dataset={dataset}
        query={query}
        wanted={wanted}
      />
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

function DatasetRows({ name, dataset, query, wanted }) {
  const navigate = useNavigate({ from: '/datasets/$name' });
  const { chart, isChart, selection } = wanted;
  const { time } = useSearch({ from: '/app/datasets/$name' });
  const candles = chart?.candles;
  const drawsNothing = isChart && !candles;
  const view = isChart ? 'chart' : undefined;
  const select = (next) => navigate({ search: { view, time, ...next }, resetScroll: false });
  const columns = query.data?.pages[0].columns ?? dataset?.columns;
  const order = orderOf(selection);
  const ordering = columns?.find((column) => column.name === order?.column);
  const errors = boundErrors(selection, query.error);
  const clear = () => select({ order: selection.order });
  const wrongBounds = Object.keys(errors).length > 0;
  if (query.isError && columns && order && !ordering) {
    return (
      <NoMatch title={`This table has no column “${order.column}”`} onClear={() => select({})} />
    );
  }
  return (
    <>
      <LoadedAgain name={name} lastLoadAt={dataset?.last_load_at} />
      <div className={classes.views}>
        {columns && !drawsNothing && (query.data || order) && (
          <RowBounds
            times={isChart ? chart.times : undefined}
            onTime={(next) => select({ time: next })}
            selection={selection}
            type={ordering?.type}
            errors={errors}
            onChange={select}
          />
        )}
        {chart && (
          <SegmentedControl
            size="xs"
            aria-label="Show as"
            value={isChart ? 'chart' : 'rows'}
            onChange={(next) =>
              select({ ...selection, view: next === 'chart' ? 'chart' : undefined })
            }
            data={VIEWS}
          />
        )}
      </div>
      {drawsNothing ? (
        <NoCandles name={name} {...chart} />
      ) : wrongBounds ? (
        <NoMatch title={`These bounds do not fit ${order.column}`} onClear={clear} />
      ) : (
        <QueryState query={query} what="rows" rows={10} height={28}>
          {({ pages }) =>
            pages[0].rows.length > 0 && isChart ? (
              <Suspense fallback={<Loading what="the chart" rows={1} height={320} />}>
                <Candles name={name} query={query} pages={pages} candles={candles} />
              </Suspense>
            ) : pages[0].rows.length > 0 ? (
              <DatasetRowsTable
                name={name}
                query={query}
                pages={pages}
                total={totalOf(dataset)}
                selection={selection}
                onSort={(column) => select(nextSelection(selection, column))}
              />
            ) : (
              <NoRows selection={selection} onClear={clear} />
            )
          }
        </QueryState>
      )}
    </>
  );
}

function NoRows({ selection, onClear }) {
  if (hasBounds(selection)) {
    return <NoMatch title="No rows within these bounds" onClear={onClear} />;
  }
  return (
    <EmptyState title="This table has no rows">
      It was made by a load that brought none, or its rows were replaced by none.
    </EmptyState>
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
              client.resetQueries({ queryKey: rowsKey(name) });
            }}
          >
            Show the new rows
          </Button>
        </div>
      )}
    </div>
  );
}
