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
  postage: "Postage for requests of strangers",
  postageHint:
    "Whoever knows none of your contacts makes their node work so long before it may ask you. It keeps floods of requests away.",
  postages: {
    0: "None",
    20: "A moment",
    24: "A few seconds (usual)",
    26: "About ten seconds",
    28: "A minute or more",
  } as Record<number, string>,
  postageOther: (bits: number) => `${bits} bits`,
  mdns: "Find nodes on this network",
  mdnsHint: "Your node announces itself to others on the same Wi-Fi or cable (mDNS).",
};

export type Messages = typeof en;
