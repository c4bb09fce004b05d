import type { Series } from "../../measure.ts"
import { ratioOf } from "../../statistics.ts"
import { figure } from "../../target.ts"

const percent = (share: number): string => `± ${Math.round(share * 50)} %`

/** A row of a table: the cost of one operation, how much its rounds differ, and the ratio to a peer's. */
export const costRow = (series: Series, peer: Series): ReadonlyArray<string> => [
  series.name,
  figure(series.median),
  percent(series.spread),
  series === peer ? "1×" : `${figure(ratioOf(series.nanos, peer.nanos).median)}×`
]
