import type { Messages } from "./messages.en";

export default {
  title: "设置",
  look: "外观",
  language: "语言",
  languageAuto: "跟随浏览器",
  theme: "主题",
  themes: { auto: "跟随系统", light: "浅色", dark: "深色" },
  privacy: "隐私",
  readReceipts: "已读回执",
  readReceiptsHint: "让对方知道你已读过消息。",
  postage: "陌生人请求的邮资",
  postageHint: "不认识你任何联系人的人，要让自己的节点先计算这么久才能向你发请求。这样可以挡住大量骚扰。",
  postages: { 0: "不需要", 20: "一瞬间", 24: "几秒钟（默认）", 26: "大约十秒", 28: "一分钟以上" },
  postageOther: (bits: number) => `${bits} 位`,
  mdns: "发现本地网络中的节点",
  mdnsHint: "你的节点会向同一 Wi-Fi 或有线网络中的节点宣告自己（mDNS）。",
} satisfies Messages;
