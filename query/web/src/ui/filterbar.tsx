// Filters as chips, with a small form to add one.
import { useState } from "preact/hooks";
import { dimensionLabel, dimensions, dimensionValueOf, filterOperators, formatFilter, readFilters, withFilter, type Dimension, type Filter, type FilterList, type FilterOperator } from "../filters";
import { place, setQuery } from "../url";
import { Choice, Menu } from "./basics";
import { Icon } from "./icon";

/** Puts filters into the address; a changed list begins at its first page. */
export function applyFilters(filters: Filter[], list: FilterList = "f"): void {
  setQuery({ [list]: filters.map(formatFilter), cursor: null });
}

/** Adds a filter to the address. */
export function addFilter(filter: Filter): void {
  applyFilters(withFilter(readFilters(place.value.query), filter));
}

/** Adds what is left out; several values of a dimension can be. */
function leaveOut(filter: Filter): void {
  const now = readFilters(place.value.query, "x").filter((f) => formatFilter(f) !== formatFilter(filter));
  applyFilters([...now, filter], "x");
}

/** The filters that are in force, each with a button that removes it; on reports also what is left out. */
export function FilterChips({ exclusions }: { exclusions?: boolean }) {
  const filters = readFilters(place.value.query);
  const without = exclusions ? readFilters(place.value.query, "x") : [];
  if (filters.length + without.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters in force" data-testid="filters">
      {filters.map((f) => (
        <Chip key={formatFilter(f)} filter={f} remove={() => applyFilters(filters.filter((o) => o !== f))} />
      ))}
      {without.map((f) => (
        <Chip key={`x ${formatFilter(f)}`} filter={f} without remove={() => applyFilters(without.filter((o) => o !== f), "x")} />
      ))}
      <li>
        <button type="button" class="link" onClick={() => setQuery({ f: null, x: null, cursor: null })} data-testid="clear-filters">
          Clear filters
        </button>
      </li>
    </ul>
  );
}

function Chip({ filter: f, without, remove }: { filter: Filter; without?: boolean; remove: () => void }) {
  return (
    <li class="chip" data-testid={without ? "left-out" : undefined}>
      <span>
        {without && "Left out: "}
        {dimensionLabel(f.dimension)} {filterOperators.find((o) => o.id === f.operator)?.label} <strong>{dimensionValueOf(f)}</strong>
      </span>
      <button type="button" aria-label={without ? `Count touches again whose ${dimensionLabel(f.dimension)} ${f.value} was left out` : `Remove the filter ${dimensionLabel(f.dimension)} ${f.value}`} onClick={remove}>
        <Icon name="close" />
      </button>
    </li>
  );
}

/** The button that opens the form. */
export function FilterMenu() {
  return (
    <Menu label="Filter" icon="filter" testid="add-filter">
      {(close) => <FilterForm onAdd={addFilter} onDone={close} />}
    </Menu>
  );
}

/** The button that leaves touches out before crediting. */
export function LeaveOutMenu() {
  return (
    <Menu label="Leave out" testid="leave-out">
      {(close) => <FilterForm onAdd={leaveOut} onDone={close} hint="Sessions like these earn nothing; what they earned goes to the others." />}
    </Menu>
  );
}

function FilterForm({ onAdd, onDone, hint }: { onAdd: (filter: Filter) => void; onDone: () => void; hint?: string }) {
  const [dimension, setDimension] = useState<Dimension>("source");
  const [operator, setOperator] = useState<FilterOperator>("is");
  const [value, setValue] = useState("");
  const submit = (e: Event) => {
    e.preventDefault();
    if (!value.trim()) return;
    onAdd({ dimension, operator, value: value.trim() });
    onDone();
  };
  return (
    <form class="filter-form" onSubmit={submit}>
      <Choice label="Field" value={dimension} options={dimensions} onChange={(id) => setDimension(id as Dimension)} testid="filter-dimension" />
      <Choice label="Comparison" value={operator} options={filterOperators} onChange={(id) => setOperator(id as FilterOperator)} testid="filter-operator" />
      <label>
        Value
        <input type="text" value={value} onInput={(e) => setValue(e.currentTarget.value)} maxLength={400} placeholder="google" data-testid="filter-value" />
      </label>
      {hint && <p class="hint">{hint}</p>}
      <p class="hint">Use (none) for an empty value, and two letters for a country.</p>
      <button type="submit" class="button button-main" disabled={!value.trim()} data-testid="filter-apply">
        {hint ? "Leave out" : "Add filter"}
      </button>
    </form>
  );
}
