/**
 * A doubly linked list whose links sit in its nodes, so that adding, removing from anywhere and moving cost the same
 * whatever the length, and allocate nothing. A node is in at most one list: being in a list *is* the state. PURE.
 */
export interface Linked<T> {
  previous: T | undefined
  next: T | undefined
  list: unknown
}

export class List<T extends Linked<T>> implements Iterable<T> {
  first: T | undefined = undefined
  last: T | undefined = undefined
  size = 0

  add(node: T): void {
    this.insert(node, this.last)
  }

  /** Puts the node behind another of this list, or first. */
  insert(node: T, after: T | undefined): void {
    const before = after === undefined ? this.first : after.next
    node.list = this
    node.previous = after
    node.next = before
    if (after === undefined) this.first = node
    else after.next = node
    if (before === undefined) this.last = node
    else before.previous = node
    this.size++
  }

  remove(node: T): void {
    if (node.previous === undefined) this.first = node.next
    else node.previous.next = node.next
    if (node.next === undefined) this.last = node.previous
    else node.next.previous = node.previous
    node.list = undefined
    node.previous = undefined
    node.next = undefined
    this.size--
  }

  /** The node in hand may be removed while iterating. */
  *[Symbol.iterator](): Iterator<T> {
    let node = this.first
    while (node !== undefined) {
      const next: T | undefined = node.next
      yield node
      node = next
    }
  }
}
