export const en = {
  title: "Settings",
  look: "Appearance",
  language: "Language",
  languageAuto: "Same as the browser",
  theme: "Theme",
  themes: { auto: "Same as the system", light: "Light", dark: "Dark" },
  privacy: "Privacy",
  readReceipts: "Read receipts",
  readReceiptsHint: "Others see when you have read their messages.",
  mdns: "Find nodes on this network",
  mdnsHint: "Your node announces itself to others on the same Wi-Fi or cable (mDNS).",
};

export type Messages = typeof en;
