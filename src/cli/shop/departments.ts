/** A part of the shop: its shelves (sub-categories), what people type to find it, and what things cost there. */
export type Department = Readonly<{
  name: string;
  shelves: readonly string[];
  words: readonly string[];
  /** Median price in euros. */
  priceMedian: number;
}>;

/** The shop's departments, the most visited first. */
export const DEPARTMENTS: readonly Department[] = [
  {
    name: "fashion",
    shelves: ["shoes", "coats", "dresses", "basics"],
    words: ["jacket", "linen", "sneakers", "size"],
    priceMedian: 45,
  },
  {
    name: "electronics",
    shelves: ["phones", "laptops", "audio", "cameras"],
    words: ["wireless", "battery", "headphones", "usb"],
    priceMedian: 180,
  },
  {
    name: "home",
    shelves: ["lamps", "rugs", "storage", "bedding"],
    words: ["oak", "shelf", "cotton", "lamp"],
    priceMedian: 60,
  },
  {
    name: "kitchen",
    shelves: ["pans", "knives", "coffee", "baking"],
    words: ["steel", "espresso", "pan", "knife"],
    priceMedian: 35,
  },
  {
    name: "beauty",
    shelves: ["skin", "hair", "perfume", "make-up"],
    words: ["cream", "shampoo", "scent", "serum"],
    priceMedian: 22,
  },
  {
    name: "books",
    shelves: ["novels", "travel", "cooking", "children"],
    words: ["paperback", "author", "atlas", "series"],
    priceMedian: 14,
  },
  {
    name: "sports",
    shelves: ["running", "cycling", "camping", "yoga"],
    words: ["tent", "helmet", "trail", "mat"],
    priceMedian: 55,
  },
  {
    name: "toys",
    shelves: ["puzzles", "dolls", "building", "outdoor"],
    words: ["blocks", "puzzle", "wooden", "train"],
    priceMedian: 20,
  },
  {
    name: "garden",
    shelves: ["plants", "furniture", "watering", "grills"],
    words: ["pot", "hose", "seeds", "grill"],
    priceMedian: 40,
  },
  {
    name: "groceries",
    shelves: ["tea", "chocolate", "wine", "spices"],
    words: ["organic", "dark", "green", "box"],
    priceMedian: 9,
  },
  {
    name: "tools",
    shelves: ["drills", "screws", "paint", "measuring"],
    words: ["drill", "brush", "set", "laser"],
    priceMedian: 38,
  },
  {
    name: "jewellery",
    shelves: ["rings", "watches", "earrings", "pearls"],
    words: ["silver", "gold", "watch", "engraved"],
    priceMedian: 95,
  },
];
