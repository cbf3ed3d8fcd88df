export const en = {
  title: "Discover",
  groups: "Groups your node knows",
  groupsEmpty: "No groups to discover yet",
  groupsEmptyText: "When contacts post a group's card, it shows here.",
  stores: "Stores your node knows",
  storesEmpty: "No stores yet",
  storesEmptyText: "Open a store's link, or wait until a contact posts one.",
  nearby: "Connected now",
  nearbyEmpty: "Nobody you know is connected at the moment",
  joined: "Joined",
  join: "See",
  following: "Following",
  openLink: "Open a link",
  scan: "Scan",
  vacation: "On vacation",
};

export type Messages = typeof en;
