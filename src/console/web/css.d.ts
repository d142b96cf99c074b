/** Styles are taken in by the page's builder. */
declare module "*.css";
