/** `placeOrder` → `PlaceOrder`. */
export const pascalOf = (name: string): string => name.slice(0, 1).toUpperCase() + name.slice(1)

/** `POST_ONLY_WOULD_CROSS` → `PostOnlyWouldCross`. */
export const errorNameOf = (code: string): string =>
  code
    .split('_')
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join('')

/** One element of a list: `bids` → `Bid`. */
export const elementNameOf = (list: string): string =>
  pascalOf(/[^s]s$/.test(list) ? list.slice(0, -1) : list)
