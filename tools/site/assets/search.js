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

  /** The words of each entry and its pairs of neighbouring words; what few entries have says more. */
  class Entries {
    constructor({ config, items }) {
      this.separator = new RegExp(config.separator, "u");
      this.terms = items.map(item => this.termsOf(plain(`${item.title} ${item.text}`)));
      this.counts = new Map();
      for (const terms of this.terms) for (const term of terms) this.counts.set(term, (this.counts.get(term) ?? 0) + 1);
      this.totals = this.terms.map(terms => this.weigh(terms));
    }

    wordsOf(text) {
      return text.toLowerCase().split(this.separator).filter(Boolean);
    }

    termsOf(text) {
      const words = this.wordsOf(text);
      return new Set([...words, ...words.slice(1).map((word, place) => `${words[place]} ${word}`)]);
    }

    weigh(terms) {
      let total = 0;
      for (const term of terms) total += Math.log(1 + this.terms.length / this.counts.get(term));
      return total;
    }

    /** The entry closest to a long text, the shorter one of two that have as much of it; and those words of the text that it has. */
    closest(text) {
      const words = new Set(this.wordsOf(text));
      if (words.size < LONG) return [undefined, text];
      const asked = [...this.termsOf(text)];
      let best = 0, most = 0;
      for (const [place, terms] of this.terms.entries()) {
        const weight = this.weigh(asked.filter(term => terms.has(term)));
        const score = weight + weight / (1 + this.totals[place]);
        if (score > most) [best, most] = [place, score];
      }
      return [best, [...words].filter(word => this.terms[best].has(word)).join(" ")];
    }
  }

  self.Worker = class extends Worker {
    constructor(address, options) {
      const isFromDisk = location.protocol === "file:";
      super(isFromDisk ? URL.createObjectURL(new Blob([__search_worker], { type: "text/javascript" })) : address, options);
    }

    /** Other entries may have the same words: the closest one comes first. */
    set onmessage(handler) {
      super.onmessage = handler && (({ data }) => {
        data.data?.items?.sort((one, other) => (other.id === this.best) - (one.id === this.best));
        handler({ data });
      });
    }

    postMessage(message) {
      if (message.data?.items) {
        this.index = message.data;
      } else if (this.index && typeof message.data?.input === "string") {
        this.entries ??= new Entries(this.index);
        const [best, input] = this.entries.closest(message.data.input);
        this.best = best;
        message = { ...message, data: { ...message.data, input } };
      }
      super.postMessage(message);
    }
  };
}
