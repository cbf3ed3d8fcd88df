import type { Messages } from "./messages.en";

export default {
  title: "信箱",
  what: "你的设备关机时，密封的消息会在这里等你。它们读不到内容。",
  yours: "你的消息在哪里等你",
  chosen: (count: number, most: number) => `已选 ${count} / ${most}`,
  most: (most: number) =>
    `最多选 ${most} 个，最好是你关机时仍在线的节点。有空位时，你的节点会自动选用一个在线的节点。`,
  noneChosen: "还没有选择。你的设备关机时，别人发来的消息会在对方那里等待。",
  own: "你的另一台设备",
  store: "店铺",
  save: "使用这些",
  saved: "以后消息会在那里等你，联系人会得知。",
  undo: "撤回",
  emptyTitle: "还没有信箱",
  emptyText: "添加联系人或逛逛小店，他们的节点可以替你保管消息。",
  addContact: "添加联系人",
  toMarket: "逛逛集市",
  kept: "你的节点替别人保管的",
  keptText: (size: string) => `不在线的人和店铺的密封消息，每位最多 ${size}，你的节点读不到内容。`,
  keptNone: "目前没有。",
  owners: "个人和店铺",
  items: "密封消息",
  bytes: "大小",
} satisfies Messages;
