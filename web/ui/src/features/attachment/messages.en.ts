import { plurals } from "$lib/i18n/plural";

const n = plurals("en");

export const en = {
  // What a message holds, in one line.
  photo: "Photo",
  photos: (count: number) => n(count, { one: "# photo", other: "# photos" }),
  video: "Video",
  videoOf: (length: string) => `Video ${length}`,
  videos: (count: number) => n(count, { one: "# video", other: "# videos" }),
  picturesAndVideos: (count: number) => n(count, { one: "# picture", other: "# pictures and videos" }),
  voice: "Voice note",
  voiceOf: (length: string) => `Voice note ${length}`,
  file: "File",
  fileOf: (name: string) => `File: ${name}`,
  files: (count: number) => n(count, { one: "# file", other: "# files" }),
  location: "Location",
  locationOf: (label: string) => `Location: ${label}`,
  liveLocation: "Live location",
  withText: (what: string, text: string) => `${what} · ${text}`,
  quoted: "Attachment",

  // The same as names, for buttons and cards.
  named: {
    photo: "Photo",
    video: "Video",
    voice: "Voice note",
    audio: "Audio",
    file: "File",
    location: "Location",
    liveLocation: "Live location",
  },

  // The composer.
  attachPhoto: "Photo or video",
  attachFile: "File",
  attachPlace: "Location",
  tray: "To be sent",
  dropHere: "Drop files to attach them",
  tooMany: (count: number) =>
    n(count, {
      one: "A message takes 10 files. # was left out.",
      other: "A message takes 10 files. # were left out.",
    }),
  removeFile: (name: string) => `Remove ${name}`,
  cancelUpload: (name: string) => `Cancel ${name}`,
  retryFile: (name: string) => `Try ${name} again`,
  sendOriginal: "Send as a file",
  sendAsPhoto: "Send as a photo",
  sendWithPlace: "Send with the place",
  optionsOf: (name: string) => `Options for ${name}`,
  asFile: "Original",
  preparing: "Getting ready…",
  queued: "Waiting…",
  uploaded: (percent: string) => `${percent} handed to your node`,
  ready: "Ready",
  sendsWhenReady: "Goes out as soon as everything is ready.",
  someFailed: "Not sent yet: remove what failed, or try it again.",
  problem: {
    empty: "This file is empty.",
    too_big: "This is larger than 1 GiB. Send it in parts.",
    too_many_pixels: "This picture has more than 50 million pixels. Make it smaller, or send it as a file.",
    unreadable: "This browser cannot read this picture. Send it as a file.",
  },
  hasLocation:
    "This photo says where it was taken. Send it as a photo and that stays here, or send it with the place.",
  goneUpload: "Your node no longer has this file. Attach it again.",

  // Recording.
  record: "Record a voice note",
  recordHint: "Hold to record and let go to send, or tap to record with free hands.",
  recording: "Recording",
  recordedFor: (length: string) => `Recording, ${length}`,
  cancelRecording: "Throw the recording away",
  sendRecording: "Send the voice note",
  letGo: "Let go to send, slide away to cancel",
  asking: "The browser asks for the microphone…",
  tooShort: "That was too short. Hold the button while you speak, or tap it once.",
  micProblem: {
    refused: "The microphone is not allowed here. Allow it for this page in the browser, then try again.",
    no_microphone: "No microphone was found. Connect one, then try again.",
    busy: "The microphone cannot be used now; another program may have it. Close that, then try again.",
    unsupported: "This browser cannot record sound. Try another one, or send a recording as a file.",
    nothing_heard: "Nothing was recorded. Check the microphone, then try again.",
  },

  // Playing.
  play: "Play",
  pause: "Pause",
  playVideo: (name: string) => `Play ${name}`,
  seek: "Position",
  position: (at: string, of: string) => `${at} of ${of}`,
  speed: (rate: string) => `Speed ${rate}×`,
  playFailed: "This browser cannot play this. Download it to play it elsewhere.",

  // States.
  fetch: "Fetch",
  fetchIt: (name: string, size: string) => `Fetch ${name} (${size})`,
  resume: "Go on",
  resumeIt: (name: string) => `Go on fetching ${name}`,
  pauseIt: (name: string) => `Pause fetching ${name}`,
  progress: (received: string, size: string) => `${received} of ${size}`,
  progressOf: (name: string) => `Fetching ${name}`,
  notFetched: "Not fetched yet",
  pausedAt: (received: string, size: string) => `Paused at ${received} of ${size}`,
  waitsFor: (name: string) => `Comes when ${name}'s node is online`,
  waitsForMine: "Comes when the device that has it is online",
  waitsForGroup: (name: string) => `Comes when ${name}'s node or another member's is online`,
  lying: "What came was not what was announced, so it was thrown away",
  noRoom: "Your node has no room for it. Delete something, then fetch it again.",
  tooLargeToShow: "Too many pixels to show here. Download it to look at it.",
  gone: "Your node cannot show this just now",
  open: (name: string) => `Open ${name}`,
  openFrom: (name: string, author: string) => `Open ${name} from ${author}`,
  download: "Download",
  downloadIt: (name: string) => `Download ${name}`,

  // The viewer.
  viewer: "Pictures",
  previous: "Previous",
  next: "Next",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  countOf: (at: number, all: number) => `${at} of ${all}`,

  // Places.
  placeTitle: "Send a location",
  placeFinding: "Finding where you are…",
  placeFound: (metres: string) => `Found, to within ${metres}`,
  placeAgain: "Find again",
  placeProblem: {
    refused: "The browser may not say where you are. Allow it for this page, or type the coordinates.",
    unavailable: "This device does not know where it is. Type the coordinates.",
  },
  placeField: "Coordinates",
  placeHint: "Latitude, longitude, such as 31.23041, 121.47370",
  placeBad: "Write latitude and longitude in degrees, such as 31.23041, 121.47370.",
  placeLabel: "What is there",
  placeLabelHint: "Such as “North gate” or “Table 12”",
  placeHow: "How",
  placeOnce: "Once",
  placeLive: { 15: "Live for 15 minutes", 60: "Live for 1 hour", 480: "Live for 8 hours" },
  placeLiveHint:
    "Everybody in this chat sees where you go until the time is over or you stop. This page must stay open.",
  placeSend: "Send",
  accuracy: (metres: string) => `± ${metres}`,
  openMap: "Open in maps",
  copyPlace: "Copy coordinates",
  liveLeft: (minutes: number) => n(minutes, { one: "Live, # minute left", other: "Live, # minutes left" }),
  liveEnded: "Live location ended",
  movedAt: (when: string) => `Updated ${when}`,
  stopLive: "Stop sharing",
  liveHere: "This page tells the chat where you are.",
  liveElsewhere: "Shared from another device or page.",

  // Who writes.
  typing: "writing…",
  typingOne: (name: string) => `${name} is writing…`,
  typingTwo: (a: string, b: string) => `${a} and ${b} are writing…`,
  typingMany: (count: number) => n(count, { one: "# person is writing…", other: "# people are writing…" }),
};

export type Messages = typeof en;
