// What the search of the theme lacks: it runs from disk, and it finds a pasted message.
//
// From disk. The theme starts a worker by its address, which browsers forbid to a page of file://. There, the theme reads its index from
// search.js, into which build.py also writes the worker's text: a worker may be started from text.
//
// Pasted messages. The theme finds entries that have every word of the query, and a message of an error has words of the reader's own: names,
// keys, numbers. The words of a long query that its closest entry does not have are left out before the theme sees it.
{
  const LONG = 5;
  const plain = html => html.replace(/<[^>]*>/g, " ").replace(/&(lt|gt|amp|quot|#\d+);/g, " ");

  /** The words of each entry, and how much a word that few entries have says. */
  class Entries {
    constructor({ config, items }) {
      this.separator = new RegExp(config.separator, "u");
      this.words = items.map(item => this.wordsOf(plain(`${item.title} ${item.text}`)));
      this.counts = new Map();
      for (const words of this.words) for (const word of words) this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
      this.totals = this.words.map(words => this.weigh(words));
    }

    wordsOf(text) {
      return new Set(text.toLowerCase().split(this.separator).filter(Boolean));
    }

    weigh(words) {
      let total = 0;
      for (const word of words) total += Math.log(1 + this.words.length / this.counts.get(word));
      return total;
    }

    /** Those words of the text that the entry closest to it has; of two that have as much, the shorter one. */
    closest(text) {
      const asked = this.wordsOf(text);
      if (asked.size < LONG) return text;
      let best = [], most = 0;
      for (const [place, words] of this.words.entries()) {
        const shared = [...asked].filter(word => words.has(word));
        const weight = this.weigh(shared);
        const score = weight + weight / (1 + this.totals[place]);
        if (score > most) [best, most] = [shared, score];
      }
      return best.join(" ");
    }
  }

  self.Worker = class extends Worker {
    constructor(address, options) {
      const isFromDisk = location.protocol === "file:";
      super(isFromDisk ? URL.createObjectURL(new Blob([__search_worker], { type: "text/javascript" })) : address, options);
    }

    postMessage(message) {
      if (message.data?.items) {
        this.index = message.data;
      } else if (this.index && typeof message.data?.input === "string") {
        this.entries ??= new Entries(this.index);
        message = { ...message, data: { ...message.data, input: this.entries.closest(message.data.input) } };
      }
      super.postMessage(message);
    }
  };
}
