// Addresses of the people behind a number of a funnel.
import { changed, hrefOf, place } from "./url";

/** Whose number it is: those at a step, or those who got no further. */
export interface Behind {
  step: number; // from 1
  dropped?: boolean;
  of?: { by: string; key: string }; // only those who entered with this value
  days?: { from: string; to: string }; // others than those of the report
}

/** The address of the people behind a number of the funnel that is open. */
export function peopleAt({ step, dropped, of, days }: Behind): string {
  const range = days && { period: null, from: days.from, to: days.to };
  return hrefOf("/funnels", changed(place.value.query, { tab: "people", step: String(step), dropped: dropped ? "1" : null, cursor: null, key: of?.key ?? null, ...(of && { by: of.by }), ...range }));
}
