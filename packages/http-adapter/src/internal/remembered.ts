/** So much is remembered; whatever was stored first goes first. */
const most = 1024

export class Remembered<A> {
  private readonly known = new Map<string, A>()

  get(name: string): A | undefined {
    return this.known.get(name)
  }

  set(name: string, value: A): void {
    this.known.delete(name)
    this.known.set(name, value)
    const [first] = this.known.keys()
    if (this.known.size > most && first !== undefined) this.known.delete(first)
  }
}
