import { assert, describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import { type Linked, List } from "../../src/internal/state/list.ts"

class Node implements Linked<Node> {
  previous: Node | undefined = undefined
  next: Node | undefined = undefined
  list: unknown = undefined
  readonly id: number
  constructor(id: number) {
    this.id = id
  }
}

const backwards = (list: List<Node>): Array<Node> => {
  const nodes: Array<Node> = []
  for (let node = list.last; node !== undefined; node = node.previous) nodes.unshift(node)
  return nodes
}

const ids = (nodes: Iterable<Node>): Array<number> => Array.from(nodes, (node) => node.id)

const command = fc.tuple(fc.constantFrom("add", "insert", "remove", "move"), fc.nat(1), fc.nat(30))

describe("List", () => {
  test("I3: two lists of the same nodes are two arrays: no node is lost, doubled or in both", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: "max" }), (commands) => {
        const lists = [new List<Node>(), new List<Node>()] as const
        const models: readonly [Array<Node>, Array<Node>] = [[], []]
        const everyone: Array<Node> = []
        for (const [kind, which, pick] of commands) {
          const [list, model, other, otherModel] = which === 0
            ? [lists[0], models[0], lists[1], models[1]] as const
            : [lists[1], models[1], lists[0], models[0]] as const
          if (kind === "add" || kind === "insert") {
            const node = new Node(everyone.length)
            everyone.push(node)
            const place = kind === "add" ? model.length : pick % (model.length + 1)
            if (kind === "add") list.add(node)
            else list.insert(node, model[place - 1])
            model.splice(place, 0, node)
            continue
          }
          const node = model[pick % Math.max(1, model.length)]
          if (node === undefined) continue
          list.remove(node)
          model.splice(model.indexOf(node), 1)
          if (kind === "move") {
            other.add(node)
            otherModel.push(node)
          }
        }
        for (const [index, list] of lists.entries()) {
          const expected = ids(models[index] ?? [])
          assert.deepStrictEqual(ids(list), expected)
          assert.deepStrictEqual(ids(backwards(list)), expected)
          assert.strictEqual(list.size, expected.length)
          assert.strictEqual(list.first?.id, expected[0])
          assert.strictEqual(list.last?.id, expected.at(-1))
        }
        for (const node of everyone) {
          const place = models.findIndex((model) => model.includes(node))
          assert.strictEqual(node.list, lists[place], `node ${node.id} does not know where it is`)
          if (place < 0) {
            assert.isTrue(node.next === undefined && node.previous === undefined, "a removed node holds on")
          }
        }
      }),
      { numRuns: 500 }
    )
  })

  test("I3: the node in hand may be removed while iterating, or move to the end of another list", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("keep", "remove", "move"), { maxLength: 20, size: "max" }), (fates) => {
        const list = new List<Node>()
        const other = new List<Node>()
        for (const id of fates.keys()) list.add(new Node(id))
        const seen: Array<number> = []
        for (const node of list) {
          seen.push(node.id)
          if (fates[node.id] === "keep") continue
          list.remove(node)
          if (fates[node.id] === "move") other.add(node)
        }
        assert.deepStrictEqual(seen, [...fates.keys()])
        assert.deepStrictEqual(ids(list), seen.filter((id) => fates[id] === "keep"))
        assert.deepStrictEqual(ids(other), seen.filter((id) => fates[id] === "move"))
      })
    )
  })
})
