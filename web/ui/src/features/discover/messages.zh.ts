import type { Messages } from "./messages.en";

export default {
  title: "发现",
  groups: "节点知道的群组",
  groupsEmpty: "还没有可发现的群组",
  groupsEmptyText: "联系人分享群名片后会出现在这里。",
  stores: "节点知道的店铺",
  storesEmpty: "还没有店铺",
  storesEmptyText: "打开店铺链接，或等联系人分享。",
  nearby: "此刻在线",
  nearbyEmpty: "你认识的人现在都不在线",
  joined: "已加入",
  join: "查看",
  following: "已关注",
  openLink: "打开链接",
  scan: "扫一扫",
  vacation: "休假中",
} satisfies Messages;
